"""GPU node pools."""

from typing import Any, Literal

from pydantic import Field

from stacks.accelerators import ACCELERATORS, AcceleratorName
from stacks.settings.base import Name, Settings
from stacks.settings.sharing import MigSettings, TimeSlicingSettings


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


def _resource(given: dict[str, Any]) -> str:
    """The extended resource of a pool that names none, by the settings before it that are valid."""
    mig: MigSettings | None = given.get("mig")
    if mig and mig.strategy == "mixed":
        return f"nvidia.com/mig-{mig.profile}"
    return ACCELERATORS[given.get("accelerator", "nvidia")].resource


def _tolerations(given: dict[str, Any]) -> tuple[Toleration, ...]:
    """What the pods of a pool tolerate that says nothing of it: the taint that its nodes have by custom."""
    return (Toleration(key=ACCELERATORS[given.get("accelerator", "nvidia")].resource, effect="NoSchedule"),)


class GpuNodePoolSettings(Settings):
    """A set of like nodes with GPUs."""

    name: Name
    """Name that models refer to in ``pool``."""
    adapter: Literal["existing"] = "existing"
    """Who makes the nodes. ``existing``: they are there, and are selected by label."""
    accelerator: AcceleratorName = "nvidia"
    """What the nodes compute with: GPUs of NVIDIA's or AMD's, Intel's Gaudi or Google's TPUs."""
    gpu_model: str | None = None
    """The GPU's product name, such as ``NVIDIA-L4``."""
    gpu_memory_gib: float | None = Field(default=None, gt=0)
    """Memory of one GPU, in GiB."""
    mig: MigSettings | None = None
    """Slices that the GPUs are cut into. Default: none, GPUs are whole."""
    time_slicing: TimeSlicingSettings | None = None
    """Pods that take turns on a GPU. Default: none, each has GPUs of its own."""
    gpu_resource: str = Field(default_factory=_resource)
    """The extended resource under which nodes offer their GPUs. Default: that of the accelerator, such as
    ``nvidia.com/gpu``."""
    gpus_per_node: int = Field(default=1, ge=1)
    """GPUs of one node, as it offers them: slices where they are cut, and each as often as it is shared."""
    min_nodes: int = Field(default=0, ge=0)
    """Fewest nodes of the pool."""
    max_nodes: int = Field(default=1, ge=1)
    """Most nodes of the pool."""
    node_selector: dict[str, str] = {}
    """Labels that the pool's nodes carry."""
    tolerations: tuple[Toleration, ...] = Field(default_factory=_tolerations)
    """Taints that the pool's nodes may carry. Default: one with the accelerator's resource for its key, such as
    ``nvidia.com/gpu``."""
