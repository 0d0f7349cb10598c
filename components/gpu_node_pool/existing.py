"""Node pools that somebody else made."""

import pulumi

from components.manifests.placement import Placement
from stacks.settings import GpuNodePoolSettings


class ExistingGpuNodePool(pulumi.ComponentResource):
    """Nodes that are there already, selected by their labels. It creates nothing."""

    placement: Placement
    """What a pod must say to run on the pool, and what the pool's nodes have."""

    def __init__(self, name: str, pool: GpuNodePoolSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:ExistingGpuNodePool", name, {}, opts)
        self.placement = Placement(
            node_selector=pool.node_selector,
            tolerations=pool.tolerations,
            gpu_resource=pool.gpu_resource,
            gpus_per_node=pool.gpus_per_node,
            gpu_model=pool.gpu_model,
            gpu_memory_gib=pool.gpu_memory_gib,
            min_nodes=pool.min_nodes,
            max_nodes=pool.max_nodes,
        )
        self.register_outputs({"nodeSelector": pool.node_selector, "gpuResource": pool.gpu_resource})
