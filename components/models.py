"""The model services of a stack, and what has to be there before them."""

from collections.abc import Callable, Mapping

import pulumi

from components.gpu_node_pool.adapters import Adapter
from components.gpu_node_pool.contract import GpuNodePool
from components.manifests.autoscaling import metrics_source
from components.manifests.images import mirrored, mirrored_source
from components.manifests.placement import Placement
from components.model_service.contract import ModelServiceArgs
from components.model_service.llmaz import LlmazModelService
from components.model_service.native import NativeModelService
from components.prerequisites import Prerequisites
from stacks.settings import ModelSettings, StackSettings
from stacks.update_order import update_order

ModelComponent = NativeModelService | LlmazModelService
MODEL_BACKENDS: Mapping[str, Callable[[str, ModelServiceArgs, pulumi.ResourceOptions], ModelComponent]] = {
    "native": NativeModelService,
    "llmaz": LlmazModelService,
}
"""What runs the replicas, by ``backend`` of a model."""


def make_models(
    name: str,
    stack: StackSettings,
    made_by: Mapping[str, Adapter],
    parent: pulumi.Resource,
    cluster: pulumi.ProviderResource,
) -> dict[str, ModelComponent]:
    """Make the node pools of a stack and the models on them.

    Args:
        name: what the names of the resources begin with.
        stack: the whole stack.
        made_by: what makes its pools.
        parent: what they are parts of.
        cluster: the provider of the cluster.

    Returns:
        The model services by the models' names, in the order of the stack.
    """
    on_cluster = pulumi.ResourceOptions(parent=parent, providers={"kubernetes": cluster})
    pools: dict[str, GpuNodePool] = {
        pool.name: made_by[pool.adapter](f"{name}-{pool.name}", pool, on_cluster) for pool in stack.pools
    }
    before = Prerequisites(name, stack, pools, parent, cluster)
    models: dict[str, ModelComponent] = {}
    for model_name, others in update_order(stack).items():
        model = stack.model(model_name)
        args = _model_args(stack, model, pools[model.pool].placement)
        after = [*before.of(model), *(models[other] for other in others)]
        opts = pulumi.ResourceOptions.merge(on_cluster, pulumi.ResourceOptions(depends_on=after))
        models[model.name] = MODEL_BACKENDS[model.backend](f"{name}-{model.name}", args, opts)
    return {model.name: models[model.name] for model in stack.models}


def _model_args(stack: StackSettings, model: ModelSettings, placement: Placement) -> ModelServiceArgs:
    image = mirrored(stack.serving.image_on(placement.accelerator), stack.image_mirror)
    return ModelServiceArgs(
        model=model.model_copy(update={"source": mirrored_source(model.source, stack.image_mirror)}),
        placement=placement,
        serving=stack.serving.model_copy(update={"image": image}),
        namespace=stack.cluster.namespace,
        metrics=metrics_source(stack, model),
    )
