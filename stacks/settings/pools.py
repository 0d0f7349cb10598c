"""GPU node pools."""

from typing import Literal

from pydantic import Field

from stacks.settings.base import Name, Settings


class Toleration(Settings):
    """A Kubernetes toleration, as in a pod's ``spec.tolerations``."""

    key: str | None = None
    """The taint's key. None, with operator ``Exists``, tolerates every taint."""
    operator: Literal["Exists", "Equal"] = "Exists"
    """How the taint's value is compared."""
    value: str | None = None
    """The taint's value, for operator ``Equal``."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect. None tolerates all of them."""


class GpuNodePoolSettings(Settings):
    """A set of like nodes with GPUs."""

    name: Name
    """Name that models refer to in ``pool``."""
    adapter: Literal["existing"] = "existing"
    """Who makes the nodes. ``existing``: they are there, and are selected by label."""
    gpu_model: str | None = None
    """The GPU's product name, such as ``NVIDIA-L4``."""
    gpu_memory_gib: float | None = Field(default=None, gt=0)
    """Memory of one GPU, in GiB."""
    gpu_resource: str = "nvidia.com/gpu"
    """The extended resource under which nodes offer their GPUs."""
    gpus_per_node: int = Field(default=1, ge=1)
    """GPUs of one node."""
    min_nodes: int = Field(default=0, ge=0)
    """Fewest nodes of the pool."""
    max_nodes: int = Field(default=1, ge=1)
    """Most nodes of the pool."""
    node_selector: dict[str, str] = {}
    """Labels that the pool's nodes carry."""
    tolerations: tuple[Toleration, ...] = (Toleration(key="nvidia.com/gpu", effect="NoSchedule"),)
    """Taints that the pool's nodes may carry."""
