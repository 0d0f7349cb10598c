"""Node pools of Google Kubernetes Engine."""

import pulumi
from pulumi_gcp import container

from components.manifests.placement import Placement, placement
from components.manifests.pools import gke
from stacks.settings import GkePoolSettings


class GkeGpuNodePool(pulumi.ComponentResource):
    """Node pools of a GKE cluster, one a flavor. Its autoscaler decides how many nodes there are."""

    placement: Placement
    """What a pod must say to run on the pool, and what the pool's nodes have."""
    before_models: tuple[pulumi.Resource, ...]
    """What has to be there before models on the pool: its node pools, where they always have a node."""

    def __init__(self, name: str, pool: GkePoolSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:GkeGpuNodePool", name, {}, opts)
        self.placement = placement(pool)
        # Another number of first nodes is no reason to make the pool anew.
        child = pulumi.ResourceOptions(parent=self, ignore_changes=["initialNodeCount"])
        nodes = [
            container.NodePool(f"{name}{group.suffix}-nodes", **gke.node_pool(pool, group), opts=child)
            for group in pool.groups
        ]
        self.before_models = tuple(nodes) if pool.min_nodes else ()
        self.register_outputs({"nodeSelector": self.placement.node_selector, "gpuResource": pool.gpu_resource})
