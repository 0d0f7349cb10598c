"""Node pools that somebody else made."""

import pulumi

from components.manifests.placement import Placement, placement
from stacks.settings import ExistingPoolSettings


class ExistingGpuNodePool(pulumi.ComponentResource):
    """Nodes that are there already, selected by their labels. It creates nothing."""

    placement: Placement
    """What a pod must say to run on the pool, and what the pool's nodes have."""
    before_models: tuple[pulumi.Resource, ...]
    """What has to be there before models on the pool: its node pools, where they always have a node."""

    def __init__(self, name: str, pool: ExistingPoolSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:ExistingGpuNodePool", name, {}, opts)
        self.placement = placement(pool)
        self.before_models = ()
        self.register_outputs({"nodeSelector": pool.node_selector, "gpuResource": pool.gpu_resource})
