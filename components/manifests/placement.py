"""Where the pods of a node pool go."""

from dataclasses import dataclass

from components.manifests.objects import Manifest
from stacks.settings import Toleration


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
    """GPUs of one node."""
    gpu_model: str | None
    """The GPU's product name, where it is known."""
    gpu_memory_gib: float | None
    """Memory of one GPU in GiB, where it is known."""
    min_nodes: int
    """Fewest nodes."""
    max_nodes: int
    """Most nodes."""

    def pod_fields(self) -> Manifest:
        """The fields of a pod's ``spec`` that put it on the pool."""
        fields: Manifest = {}
        if self.node_selector:
            fields["nodeSelector"] = dict(self.node_selector)
        if self.tolerations:
            fields["tolerations"] = [toleration.model_dump(exclude_none=True) for toleration in self.tolerations]
        return fields
