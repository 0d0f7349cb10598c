"""How many replicas a model has."""

from pydantic import Field

from stacks.settings.base import Settings


class AutoscalingSettings(Settings):
    """How many replicas a model has, by its queue."""

    min_replicas: int = Field(default=1, ge=1)
    """Fewest replicas."""
    max_replicas: int = Field(ge=2)
    """Most replicas."""
    target_waiting_requests: int = Field(default=4, ge=1)
    """Requests waiting in one replica's queue (vLLM's ``vllm:num_requests_waiting``) to hold on average."""
