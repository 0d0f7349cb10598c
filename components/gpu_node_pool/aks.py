"""Node pools of Azure Kubernetes Service."""

import pulumi
from pulumi_azure import containerservice

from components.manifests.placement import Placement, placement
from components.manifests.pools import aks
from stacks.settings import AksPoolSettings


class AksGpuNodePool(pulumi.ComponentResource):
    """Node pools of an AKS cluster, one a flavor. Its autoscaler decides how many nodes there are."""

    placement: Placement
    """What a pod must say to run on the pool, and what the pool's nodes have."""
    before_models: tuple[pulumi.Resource, ...]
    """What has to be there before models on the pool: its node pools, where they always have a node."""

    def __init__(self, name: str, pool: AksPoolSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:AksGpuNodePool", name, {}, opts)
        self.placement = placement(pool)
        child = pulumi.ResourceOptions(parent=self, ignore_changes=["nodeCount"])
        nodes = [
            containerservice.KubernetesClusterNodePool(
                f"{name}{group.suffix}-nodes", **aks.node_pool(pool, group), opts=child
            )
            for group in pool.groups
        ]
        self.before_models = tuple(nodes) if pool.min_nodes else ()
        self.register_outputs({"nodeSelector": self.placement.node_selector, "gpuResource": pool.gpu_resource})
