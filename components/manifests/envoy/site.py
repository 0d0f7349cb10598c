"""Where an Envoy listens, where it reads its dynamic configuration, and where it finds the models' pods."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stacks.settings import ModelSettings, StackSettings

MODEL_PORT = 8080
"""Port of a model's pods."""

Addresses = Callable[[StackSettings, ModelSettings], Sequence[tuple[str, int]]]
"""Host and port pairs under which a model's pods are found."""


def headless_service(stack: StackSettings, model: ModelSettings) -> Sequence[tuple[str, int]]:
    """The model's headless Service, whose name resolves to the addresses of all ready pods."""
    # The last dot makes the name absolute: the resolver then tries no search domain.
    return [(f"{model.name}.{stack.cluster.namespace}.svc.cluster.local.", MODEL_PORT)]


@dataclass(frozen=True)
class Site:
    """The surroundings of one Envoy. The defaults are those of the gateway's pods."""

    bind: str = "0.0.0.0"  # noqa: S104 - a pod has its own network, and the Service must reach it
    """Address that the edge and the metrics listener bind."""
    port: int = 8080
    """Port of the edge listener."""
    metrics_port: int = 9902
    """Port of the listener that serves ``/ready``, ``/live`` and ``/stats/prometheus`` and nothing else."""
    rehearsal_port: int = 9903
    """Port of the listener for rehearsals of fallbacks, always on the loopback address."""
    admin_port: int = 9901
    """Port of Envoy's admin interface, always on the loopback address."""
    dynamic_folder: str = "/etc/envoy/dynamic"
    """Folder of ``cds.yaml`` and ``rds.yaml``, replaced as the kubelet replaces a mounted ConfigMap."""
    addresses: Addresses = headless_service
    """Where each model's pods are found."""


POD = Site()
"""The surroundings of the gateway's pods."""
