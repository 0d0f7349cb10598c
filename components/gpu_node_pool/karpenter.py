"""Node pools that Karpenter makes."""

import pulumi

from components.manifests.placement import Placement, placement
from components.manifests.pools import karpenter
from components.objects import custom_resource
from stacks.settings import KarpenterPoolSettings


class KarpenterGpuNodePool(pulumi.ComponentResource):
    """NodePools of Karpenter, one a flavor, and the node class that says what their machines are."""

    placement: Placement
    """What a pod must say to run on the pool, and what the pool's nodes have."""
    before_models: tuple[pulumi.Resource, ...]
    """What has to be there before models on the pool: its node pools, where they always have a node."""

    def __init__(self, name: str, pool: KarpenterPoolSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:KarpenterGpuNodePool", name, {}, opts)
        self.placement = placement(pool)
        self.before_models = ()
        before: list[pulumi.Resource] = []
        if node_class := karpenter.node_class(pool):
            before.append(custom_resource(f"{name}-node-class", node_class, pulumi.ResourceOptions(parent=self)))
        child = pulumi.ResourceOptions(parent=self, depends_on=before)
        for group, manifest in zip(pool.groups, karpenter.node_pools(pool), strict=True):
            custom_resource(f"{name}{group.suffix}-nodes", manifest, child)
        self.register_outputs({"nodeSelector": self.placement.node_selector, "gpuResource": pool.gpu_resource})
