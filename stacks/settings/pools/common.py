"""What node pools have in common, whoever makes their nodes."""

from typing import Literal

from pydantic import Field

from stacks.accelerators import ACCELERATORS, AcceleratorName
from stacks.machines import MIG_PROFILES
from stacks.settings.base import Name, Nodes, Settings
from stacks.settings.sharing import MigSettings, TimeSlicingSettings

MOST_FLAVORS = 8
"""The most flavors of a pool: as many as an OpenModel of llmaz may have."""


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


class FlavorSettings(Settings):
    """One kind of node in a pool that has several, which stand in order of preference."""

    name: Name
    """Name of the flavor."""
    gpu_model: str | None = None
    """The GPU's product name, such as ``NVIDIA-L4``."""
    gpu_memory_gib: float | None = Field(default=None, gt=0)
    """Memory of one GPU, in GiB."""


class CommonPoolSettings(Settings):
    """What node pools have in common."""

    name: Name
    """Name that models refer to in ``pool``."""
    accelerator: AcceleratorName = "nvidia"
    """Whose GPUs the nodes have, or what stands in for them."""
    gpu_model: str | None = None
    """The GPU's product name as GPU feature discovery writes it, such as ``NVIDIA-L4``."""
    gpu_memory_gib: float | None = Field(default=None, gt=0)
    """Memory of one GPU, or of one MIG slice where ``mig`` cuts them, in GiB."""
    gpus_per_node: int = Field(default=1, ge=1, le=1024)
    """GPUs of one node. Slices of them, and turns on them, are not counted."""
    min_nodes: Nodes = Field(default=0, ge=0)
    """Fewest nodes of the pool. With flavors: of the first of them."""
    max_nodes: Nodes = Field(default=1, ge=1)
    """Most nodes of the pool. With flavors: of each of them."""
    bin_packing: bool = False
    """Put replicas that take a part of a node where others run already, so that whole nodes stay free for larger
    models, or for an autoscaler to remove. A node that fails then takes more models with it."""
    mig: MigSettings | None = None
    """Cuts each GPU into slices. Default: GPUs are whole."""
    time_slicing: TimeSlicingSettings | None = None
    """Lets several pods take turns on a GPU. Default: each has its own."""

    @property
    def devices_per_node(self) -> int:
        """What a node offers to pods: its GPUs, their slices, or the turns on them. 1 a GPU where that is unknown."""
        slices = 1
        if self.mig:
            slices = MIG_PROFILES.get(self.gpu_model or "", {}).get(self.mig.profile, 1)
        return self.gpus_per_node * slices * (self.time_slicing.replicas if self.time_slicing else 1)

    @property
    def whole_gpu_resource(self) -> str:
        """The extended resource of whole GPUs. By custom the nodes' taint has the same key."""
        return ACCELERATORS[self.accelerator].resource
