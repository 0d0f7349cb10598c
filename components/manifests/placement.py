"""Where the pods of a node pool go."""

from dataclasses import dataclass
from itertools import pairwise

from components.manifests.objects import Manifest
from stacks.accelerators import AcceleratorName
from stacks.machines.google import TPU_TOPOLOGIES
from stacks.settings import ExistingPoolSettings, GkePoolSettings, GpuNodePoolSettings, MadePoolSettings, Toleration

POOL_LABEL = "modelyard.dev/pool"
"""Label of the nodes that were made for a pool, with its name."""
FLAVOR_LABEL = "modelyard.dev/flavor"
"""Label of the nodes that were made for a flavor of a pool, with its name."""

MOST_WEIGHT = 100
"""The weight of what a scheduler is to prefer over everything else."""


@dataclass(frozen=True)
class Flavor:
    """One of the kinds of nodes that a pod may run on."""

    name: str
    """Its name."""
    node_selector: dict[str, str]
    """Labels of its nodes, beside those of the pool."""


@dataclass(frozen=True)
class Placement:
    """What a pod must say to run on a node pool, and what the pool's nodes have."""

    node_selector: dict[str, str]
    """Labels of the pool's nodes."""
    tolerations: tuple[Toleration, ...]
    """Taints that the pool's nodes may carry."""
    gpu_resource: str
    """The extended resource under which the nodes offer their GPUs."""
    gpus_per_node: int
    """What one node offers of that resource."""
    gpu_model: str | None
    """The GPU's product name, where it is known and the same for all flavors."""
    gpu_memory_gib: float | None
    """Memory of one GPU in GiB, the smallest of all flavors, where it is known."""
    min_nodes: int
    """Fewest nodes."""
    max_nodes: int
    """Most nodes, of each flavor."""
    bin_packing: bool = False
    """Whether replicas that take a part of a node go where others run already."""
    accelerator: AcceleratorName = "nvidia"
    """Whose GPUs the nodes have, or what stands in for them."""
    flavors: tuple[Flavor, ...] = ()
    """The kinds of nodes in order of preference. None where all are alike."""

    def pod_fields(self) -> Manifest:
        """The fields of a pod's ``spec`` that put it on the pool."""
        fields: Manifest = {}
        if self.node_selector:
            fields["nodeSelector"] = dict(self.node_selector)
        if self.tolerations:
            fields["tolerations"] = [toleration.model_dump(exclude_none=True) for toleration in self.tolerations]
        if self.flavors:
            fields["affinity"] = {"nodeAffinity": self._node_affinity()}
        return fields

    def _node_affinity(self) -> Manifest:
        """Nodes of any flavor, and rather those of the first."""
        terms = [_term(flavor.node_selector) for flavor in self.flavors]
        # The last is what is left, so it needs no weight.
        preferred = [
            {"weight": MOST_WEIGHT * (len(terms) - 1 - place) // (len(terms) - 1), "preference": term}
            for place, (term, _) in enumerate(pairwise(terms))
        ]
        return {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
            **({"preferredDuringSchedulingIgnoredDuringExecution": preferred} if preferred else {}),
        }


def placement(pool: GpuNodePoolSettings) -> Placement:
    """Where the pods of a pool go, by its settings."""
    models = {flavor.gpu_model or pool.gpu_model for flavor in pool.flavors} or {pool.gpu_model}
    memories = [flavor.gpu_memory_gib or pool.gpu_memory_gib for flavor in pool.flavors] or [pool.gpu_memory_gib]
    known = [memory for memory in memories if memory is not None]
    return Placement(
        node_selector=_node_selector(pool),
        tolerations=pool.tolerations,
        gpu_resource=pool.gpu_resource,
        gpus_per_node=pool.devices_per_node,
        gpu_model=models.pop() if len(models) == 1 else None,
        gpu_memory_gib=min(known) if len(known) == len(memories) else None,
        min_nodes=pool.min_nodes,
        max_nodes=pool.max_nodes,
        bin_packing=pool.bin_packing,
        accelerator=pool.accelerator,
        flavors=_flavors(pool),
    )


def _node_selector(pool: GpuNodePoolSettings) -> dict[str, str]:
    if isinstance(pool, ExistingPoolSettings):
        return pool.node_selector
    if isinstance(pool, GkePoolSettings) and pool.accelerator == "tpu":
        # GKE lets pods on TPUs only by what kind they are and how they are connected.
        return {
            POOL_LABEL: pool.name,
            "cloud.google.com/gke-tpu-accelerator": pool.gpu_model or "",
            "cloud.google.com/gke-tpu-topology": TPU_TOPOLOGIES[pool.gpus_per_node],
        }
    return {POOL_LABEL: pool.name}


def _flavors(pool: GpuNodePoolSettings) -> tuple[Flavor, ...]:
    if isinstance(pool, MadePoolSettings):
        return tuple(Flavor(flavor.name, {FLAVOR_LABEL: flavor.name}) for flavor in pool.flavors)
    return tuple(Flavor(flavor.name, flavor.node_selector) for flavor in pool.flavors)


def _term(labels: dict[str, str]) -> Manifest:
    return {"matchExpressions": [{"key": key, "operator": "In", "values": [value]} for key, value in labels.items()]}
