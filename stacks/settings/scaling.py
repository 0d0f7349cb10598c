"""How many replicas a model has."""

from typing import Literal

from pydantic import Field

from stacks.settings.base import Int32, Replicas, Settings


class AutoscalingSettings(Settings):
    """How many replicas a model has, by what its vLLM measures. The largest answer of all targets counts."""

    kind: Literal["hpa", "keda"] = "hpa"
    """What scales. ``hpa``: a HorizontalPodAutoscaler on the pods' metrics, which a metrics adapter serves.
    ``keda``: a ScaledObject of KEDA, which asks ``modelyard:prometheus`` itself."""
    min_replicas: Replicas = Field(default=1, ge=0)
    """Fewest replicas. With 0 a model that nobody asks for gives its GPUs back, and its routes need a fallback."""
    max_replicas: Replicas = Field(ge=1)
    """Most replicas."""
    target_waiting_requests: Int32 = Field(default=4, ge=1)
    """Requests waiting in one replica's queue (``vllm:num_requests_waiting``) to hold on average."""
    target_kv_cache_percent: int = Field(default=80, ge=1, le=99)
    """Share of one replica's KV cache in use (``vllm:kv_cache_usage_perc``) to hold on average, in percent.
    It keeps replicas that compute while nothing waits."""
    target_ttft_seconds: float | None = Field(default=None, gt=0)
    """Time to first token that 95 of 100 requests get at most. Only for ``keda``. Default: it does not count."""
    scale_down_seconds: int = Field(default=600, ge=0, le=3600)
    """How long fewer replicas must have been enough before one goes. A new one takes minutes to start."""
    idle_seconds: Int32 | None = Field(default=None, ge=60)
    """How long nobody must have asked for the model before its last replica goes, where ``minReplicas`` is 0.
    Default: as long as a start may take, with its node and image."""
