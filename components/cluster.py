"""What stacks of models build upon, in a stack of its own."""

import pulumi

from components.adoption import Adoption
from components.gateway.higress_definitions import make_definitions, make_namespace
from components.gpu_node_pool.adapters import adapters
from components.gpu_software import GpuSoftware
from components.kubernetes import provider_of
from stacks.settings import StackSettings


class Cluster(pulumi.ComponentResource):
    """Node pools, GPU software, and the definitions of the gateway: what a cluster's team makes for those of models."""

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        adoption = Adoption(stack)
        taking_over = pulumi.ResourceOptions(transformations=[adoption])
        super().__init__("modelyard:index:Cluster", name, {}, pulumi.ResourceOptions.merge(opts, taking_over))
        # First, for a package may be missing.
        made_by = adapters(stack)
        cluster = provider_of(self, f"{name}-cluster", stack.cluster)
        on_cluster = pulumi.ResourceOptions(parent=self, providers={"kubernetes": cluster})
        for pool in stack.pools:
            made_by[pool.adapter](f"{name}-{pool.name}", pool, on_cluster)
        if stack.gpu_software.kind != "none":
            GpuSoftware(f"{name}-gpu-software", stack, stack.gpu_software, on_cluster)
        if stack.gateway.kind == "higress":
            HigressDefinitions(f"{name}-higress", stack, on_cluster)
        adoption.check()
        self.register_outputs({})


class HigressDefinitions(pulumi.ComponentResource):
    """Higress's namespace and resource definitions, for releases that the stacks of models make."""

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:HigressDefinitions", name, {}, opts)
        make_namespace(name, stack, self)
        make_definitions(name, stack, self)
        self.register_outputs({})
