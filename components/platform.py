"""The composition root: the only file that knows all the others."""

from collections.abc import Callable, Mapping

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import Secret

from components.gateway.contract import Gateway
from components.gateway.envoy import EnvoyGateway
from components.gateway.higress import HigressGateway
from components.gpu_node_pool.contract import GpuNodePool
from components.gpu_node_pool.existing import ExistingGpuNodePool
from components.manifests.hugging_face import token_secret
from components.manifests.images import mirrored
from components.model_service.contract import ModelService, ModelServiceArgs
from components.model_service.llmaz import LlmazModelService
from components.model_service.llmaz_operator import LlmazOperator
from components.model_service.native import NativeModelService
from stacks.capacity import shortages
from stacks.compatibility import untested_versions
from stacks.settings import ClusterSettings, ModelSettings, StackSettings

POOL_ADAPTERS = {"existing": ExistingGpuNodePool}
"""What makes the nodes, by ``adapter`` of a pool."""
MODEL_BACKENDS: Mapping[str, Callable[[str, ModelServiceArgs, pulumi.ResourceOptions], ModelService]] = {
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
    cannot start leaves everything else as it is.
    """

    gateway: Gateway
    """The gateway."""
    models: Mapping[str, ModelService]
    """The model services by the models' names."""
    base_url: pulumi.Output[str]
    """URL that clients use, ending in ``/v1``."""

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:Platform", name, {}, opts)
        for warning in (*shortages(stack), *untested_versions(stack)):
            pulumi.log.warn(warning, self)
        cluster = _cluster(f"{name}-cluster", stack.cluster, pulumi.ResourceOptions(parent=self))
        on_cluster = pulumi.ResourceOptions(parent=self, providers={"kubernetes": cluster})

        # First, for it refuses a stack that is too large, and then nothing has been made yet.
        self.gateway = GATEWAY_KINDS[stack.gateway.kind](f"{name}-gateway", stack, on_cluster)
        pools: dict[str, GpuNodePool] = {
            pool.name: POOL_ADAPTERS[pool.adapter](f"{name}-{pool.name}", pool, on_cluster) for pool in stack.pools
        }
        token = _token(f"{name}-modelhub", stack, pulumi.ResourceOptions(parent=self, provider=cluster))
        needs_llmaz = any(model.backend == "llmaz" for model in stack.models)
        llmaz = LlmazOperator(f"{name}-llmaz", stack, on_cluster) if needs_llmaz else None
        image = mirrored(stack.serving.image, stack.image_mirror)
        serving = stack.serving.model_copy(update={"image": image})
        self.models = {
            model.name: MODEL_BACKENDS[model.backend](
                f"{name}-{model.name}",
                ModelServiceArgs(
                    model=model,
                    placement=pools[model.pool].placement,
                    serving=serving,
                    namespace=stack.cluster.namespace,
                ),
                _model_options(self, cluster, model, token, llmaz),
            )
            for model in stack.models
        }
        self.base_url = self.gateway.base_url
        self.register_outputs({"baseUrl": self.base_url})


def _cluster(name: str, cluster: ClusterSettings, opts: pulumi.ResourceOptions) -> Provider:
    return Provider(
        name,
        kubeconfig=cluster.kubeconfig_path,
        context=cluster.context,
        enable_server_side_apply=True,
        # Replacing the ConfigMap of the gateway would take its routes away for a moment.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        opts=opts,
    )


def _token(name: str, stack: StackSettings, opts: pulumi.ResourceOptions) -> Secret | None:
    manifest = token_secret(stack)
    if manifest is None:
        return None
    return Secret(
        name,
        metadata=manifest["metadata"],
        type=manifest["type"],
        data=pulumi.Output.secret(manifest["data"]),
        opts=opts,
    )


def _model_options(
    parent: Platform, cluster: Provider, model: ModelSettings, token: Secret | None, llmaz: LlmazOperator | None
) -> pulumi.ResourceOptions:
    before: list[pulumi.Resource] = []
    # A pod takes the token at its start or not at all, so the Secret comes first.
    if token and model.source.startswith("hf://"):
        before.append(token)
    if llmaz and model.backend == "llmaz":
        before.append(llmaz)
    return pulumi.ResourceOptions(parent=parent, providers={"kubernetes": cluster}, depends_on=before)
