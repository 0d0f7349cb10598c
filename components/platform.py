"""The composition root: the only file that knows all the others."""

from collections.abc import Callable, Mapping

import pulumi

from components.gateway.contract import Gateway
from components.gateway.envoy import EnvoyGateway
from components.gateway.higress import HigressGateway
from components.gpu_node_pool.adapters import adapters
from components.gpu_node_pool.contract import GpuNodePool
from components.kubernetes import provider
from components.manifests.autoscaling import metrics_source
from components.manifests.images import mirrored, mirrored_source
from components.manifests.placement import Placement
from components.model_service.contract import ModelService, ModelServiceArgs
from components.model_service.llmaz import LlmazModelService
from components.model_service.native import NativeModelService
from components.prerequisites import Prerequisites
from stacks.fit.report import summary
from stacks.settings import ModelSettings, StackSettings
from stacks.update_order import update_order
from stacks.warnings import warnings

ModelComponent = NativeModelService | LlmazModelService
MODEL_BACKENDS: Mapping[str, Callable[[str, ModelServiceArgs, pulumi.ResourceOptions], ModelComponent]] = {
    "native": NativeModelService,
    "llmaz": LlmazModelService,
}
"""What runs the replicas, by ``backend`` of a model."""
GATEWAY_KINDS: Mapping[str, Callable[[str, StackSettings, pulumi.ResourceOptions], Gateway]] = {
    "envoy": EnvoyGateway,
    "higress": HigressGateway,
}
"""What is in front of the models, by ``kind`` of the gateway."""


class Platform(pulumi.ComponentResource):
    """A whole LLM serving platform on one cluster: node pools, model services, gateway.

    Models know nothing of each other, and the gateway waits for none of them, so a model that
    cannot start leaves everything else as it is. Only where the stack has its models updated one
    after the other does a model wait for those that stand in for it.
    """

    gateway: Gateway
    """The gateway."""
    models: Mapping[str, ModelService]
    """The model services by the models' names."""
    base_url: pulumi.Output[str]
    """URL that clients use, ending in ``/v1``."""

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:Platform", name, {}, opts)
        for warning in warnings(stack):
            pulumi.log.warn(warning, self)
        if fits := summary(stack):
            pulumi.log.info(fits, self)
        cluster = provider(f"{name}-cluster", stack.cluster, pulumi.ResourceOptions(parent=self))
        on_cluster = pulumi.ResourceOptions(parent=self, providers={"kubernetes": cluster})

        # First, for a package may be missing.
        made_by = adapters(stack)
        # Then this one, for it refuses a stack that is too large, and then nothing has been made yet.
        self.gateway = GATEWAY_KINDS[stack.gateway.kind](f"{name}-gateway", stack, on_cluster)
        pools: dict[str, GpuNodePool] = {
            pool.name: made_by[pool.adapter](f"{name}-{pool.name}", pool, on_cluster) for pool in stack.pools
        }
        before = Prerequisites(name, stack, pools, self, cluster)
        models: dict[str, ModelComponent] = {}
        for model_name, others in update_order(stack).items():
            model = stack.model(model_name)
            args = _model_args(stack, model, pools[model.pool].placement)
            after = [*before.of(model), *(models[other] for other in others)]
            opts = pulumi.ResourceOptions.merge(on_cluster, pulumi.ResourceOptions(depends_on=after))
            models[model.name] = MODEL_BACKENDS[model.backend](f"{name}-{model.name}", args, opts)
        self.models = {model.name: models[model.name] for model in stack.models}
        self.base_url = self.gateway.base_url
        self.register_outputs({"baseUrl": self.base_url})


def _model_args(stack: StackSettings, model: ModelSettings, placement: Placement) -> ModelServiceArgs:
    image = mirrored(stack.serving.image_on(placement.accelerator), stack.image_mirror)
    return ModelServiceArgs(
        model=model.model_copy(update={"source": mirrored_source(model.source, stack.image_mirror)}),
        placement=placement,
        serving=stack.serving.model_copy(update={"image": image}),
        namespace=stack.cluster.namespace,
        metrics=metrics_source(stack, model),
    )
