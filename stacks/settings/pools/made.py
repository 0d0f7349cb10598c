"""What pools have in common whose nodes an adapter has made."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from stacks.machines import Machines
from stacks.settings.base import Settings
from stacks.settings.pools.common import MOST_FLAVORS, CommonPoolSettings, FlavorSettings, Toleration

Capacity = Literal["on_demand", "spot", "reservation"]
"""How machines are paid: by the hour, cheaper and taken back at any moment, or from what was reserved before."""


class TaintSettings(Settings):
    """A taint of the pool's nodes. Models on the pool tolerate it."""

    key: str = Field(min_length=1)
    """The taint's key."""
    value: str = Field(default="true", min_length=1)
    """The taint's value. Not every cloud takes a taint without one."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"
    """The taint's effect."""


class DiskSettings(Settings):
    """The boot disk of a node, which holds images and what pods write: the weights of models too, by default."""

    size_gib: int = Field(default=200, ge=30, le=65_536)
    """Size, in GiB."""
    type: str | None = Field(default=None, min_length=1)
    """The cloud's own name of a kind of disk, such as ``pd-ssd`` or ``gp3``. Default: the cloud's."""


class MadeFlavorSettings(FlavorSettings):
    """One kind of node that the adapter makes for a pool. It has a node pool of its own in the cloud."""

    instance_types: tuple[str, ...] = ()
    """Machine types. Default: those that are known to have such GPUs, as many as ``gpusPerNode``."""
    capacity: Capacity | None = None
    """How machines are paid. Default: as the pool says."""
    reservation: str | None = Field(default=None, min_length=1)
    """The reservation that machines come from. Default: as the pool says."""


@dataclass(frozen=True)
class NodeGroup:
    """Nodes of one kind: a whole pool, or one flavor of it."""

    path: str
    """Where a pool's settings say it: nothing, or ``.flavors[0]``."""
    name: str
    """Name of the nodes' own pool in the cloud."""
    flavor: str | None
    """The flavor's name, where the pool has some."""
    gpu_model: str | None
    """The GPU's product name."""
    instance_types: tuple[str, ...]
    """Machine types, the preferred one first. None where none are known."""
    capacity: Capacity
    """How machines are paid."""
    reservation: str | None
    """The reservation that machines come from."""
    min_nodes: int
    """Fewest nodes."""

    @property
    def suffix(self) -> str:
        """What tells the group from others of its pool, behind a name."""
        return f"-{self.flavor}" if self.flavor else ""


class MadePoolSettings(CommonPoolSettings, ABC):
    """Nodes that an adapter has made, for the pool alone."""

    instance_types: tuple[str, ...] = ()
    """Machine types. Default: those that are known to have ``gpusPerNode`` GPUs of ``gpuModel``."""
    capacity: Capacity = "on_demand"
    """How machines are paid."""
    reservation: str | None = Field(default=None, min_length=1)
    """The reservation that machines come from, for capacity ``reservation``: its name or id, as the cloud calls it."""
    disk: DiskSettings = DiskSettings()
    """The nodes' boot disk."""
    labels: dict[str, str] = {}
    """Further labels of the nodes."""
    taints: tuple[TaintSettings, ...] = ()
    """Further taints of the nodes. The one that keeps pods without a GPU away is there by itself."""
    flavors: tuple[MadeFlavorSettings, ...] = Field(default=(), max_length=MOST_FLAVORS)
    """Kinds of nodes in order of preference: a model runs on the first that can be had. Default: all are alike."""

    @property
    @abstractmethod
    def machines(self) -> Machines:
        """The machine types that are known."""

    @property
    def gpu_resource(self) -> str:
        """The extended resource under which nodes offer their GPUs or slices."""
        if self.mig and self.mig.strategy == "mixed":
            return f"nvidia.com/mig-{self.mig.profile}"
        return self.whole_gpu_resource

    @property
    def tolerations(self) -> tuple[Toleration, ...]:
        """What a pod tolerates of the taints that the nodes have."""
        return (
            Toleration(key=self.whole_gpu_resource, effect="NoSchedule"),
            *(
                Toleration(key=taint.key, operator="Equal", value=taint.value, effect=taint.effect)
                for taint in self.taints
            ),
        )

    @property
    def groups(self) -> tuple[NodeGroup, ...]:
        """The kinds of nodes in order of preference, with all that the pool says for each."""
        if not self.flavors:
            types = self.instance_types or self._known(self.gpu_model)
            return (
                NodeGroup(
                    path="",
                    name=self.name,
                    flavor=None,
                    gpu_model=self.gpu_model,
                    instance_types=types,
                    capacity=self.capacity,
                    reservation=self.reservation,
                    min_nodes=self.min_nodes,
                ),
            )
        return tuple(self._group(index, flavor) for index, flavor in enumerate(self.flavors))

    def _group(self, index: int, flavor: MadeFlavorSettings) -> NodeGroup:
        model = flavor.gpu_model or self.gpu_model
        return NodeGroup(
            path=f".flavors[{index}]",
            name=f"{self.name}-{flavor.name}",
            flavor=flavor.name,
            gpu_model=model,
            instance_types=flavor.instance_types or self.instance_types or self._known(model),
            capacity=flavor.capacity or self.capacity,
            reservation=flavor.reservation or self.reservation,
            min_nodes=0 if index else self.min_nodes,
        )

    def _known(self, gpu_model: str | None) -> tuple[str, ...]:
        # One, since an autoscaler takes all nodes of a group for alike.
        return self.machines.get(gpu_model or "", {}).get(self.gpus_per_node, ())[:1]
