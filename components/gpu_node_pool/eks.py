"""Node pools of Amazon Elastic Kubernetes Service."""

import pulumi
from pulumi_aws import ec2
from pulumi_aws import eks as aws

from components.manifests.placement import Placement, placement
from components.manifests.pools import eks
from stacks.settings import EksPoolSettings


class EksGpuNodePool(pulumi.ComponentResource):
    """Managed node groups of an EKS cluster, one a flavor. An autoscaler decides how many nodes there are."""

    placement: Placement
    """What a pod must say to run on the pool, and what the pool's nodes have."""
    before_models: tuple[pulumi.Resource, ...]
    """What has to be there before models on the pool: its node pools, where they always have a node."""

    def __init__(self, name: str, pool: EksPoolSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:EksGpuNodePool", name, {}, opts)
        self.placement = placement(pool)
        child = pulumi.ResourceOptions(parent=self)
        # The autoscaler's number is no difference that an update should undo.
        scaled = pulumi.ResourceOptions(parent=self, ignore_changes=["scalingConfig.desiredSize"])
        nodes: list[pulumi.Resource] = []
        for group in pool.groups:
            template = ec2.LaunchTemplate(
                f"{name}{group.suffix}-template", **eks.launch_template(pool, group), opts=child
            )
            nodes.append(
                aws.NodeGroup(
                    f"{name}{group.suffix}-nodes",
                    **eks.node_group(pool, group),
                    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
                    opts=scaled,
                )
            )
        self.before_models = tuple(nodes) if pool.min_nodes else ()
        self.register_outputs({"nodeSelector": self.placement.node_selector, "gpuResource": pool.gpu_resource})
