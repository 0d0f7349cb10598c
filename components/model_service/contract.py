"""What the rest of the program needs of a model service, whatever runs the replicas."""

from dataclasses import dataclass
from typing import Protocol

import pulumi

from components.manifests.autoscaling import MetricsSource
from components.manifests.placement import Placement
from stacks.settings import ModelSettings, ServingSettings


@dataclass(frozen=True)
class ModelServiceArgs:
    """What a model service is made of."""

    model: ModelSettings
    """The model."""
    placement: Placement
    """Where its pods go."""
    serving: ServingSettings
    """The container that it runs in."""
    namespace: str
    """The namespace of its objects."""
    metrics: MetricsSource | None = None
    """Where KEDA finds what it has to know of it, where the stack names a Prometheus."""


class ModelService(Protocol):
    """A model that answers at the Services ``<model>`` (headless) and ``<model>-lb``, both at port 8080."""

    base_url: pulumi.Output[str]
    """URL of the OpenAI-compatible API in the cluster, ending in ``/v1``. Known before the model is ready."""
    served_names: pulumi.Output[list[str]]
    """The names that the model answers to."""
    metrics_port: pulumi.Output[int]
    """The pods' port with ``/metrics``."""
    ready: pulumi.Output[bool]
    """True, and known only once all replicas are ready, or at once where there may be none."""
