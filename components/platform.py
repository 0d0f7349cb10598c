"""The composition root: the only file that knows all the others."""

from collections.abc import Callable, Mapping

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import PersistentVolumeClaim, Secret

from components.gateway.contract import Gateway
from components.gateway.envoy import EnvoyGateway
from components.gateway.higress import HigressGateway
from components.gpu_node_pool.adapters import adapters
from components.gpu_node_pool.contract import GpuNodePool
from components.gpu_software import GpuSoftware
from components.manifests.autoscaling import metrics_source
from components.manifests.hugging_face import token_secret
from components.manifests.images import mirrored, mirrored_source
from components.manifests.multi_node.release import release as leader_worker_set_release
from components.manifests.multi_node.workload import spans_nodes
from components.manifests.placement import Placement
from components.manifests.weights.claims import cache_claim, created_claims
from components.model_service.contract import ModelService, ModelServiceArgs
from components.model_service.leader_worker_set_operator import LeaderWorkerSetOperator
from components.model_service.llmaz import LlmazModelService
from components.model_service.llmaz_operator import LlmazOperator
from components.model_service.native import NativeModelService
from stacks.accelerators import AcceleratorName
from stacks.fit.report import summary
from stacks.settings import ClusterSettings, ModelSettings, ServingSettings, StackSettings
from stacks.warnings import warnings

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
        for warning in warnings(stack):
            pulumi.log.warn(warning, self)
        if fits := summary(stack):
            pulumi.log.info(fits, self)
        cluster = _cluster(f"{name}-cluster", stack.cluster, pulumi.ResourceOptions(parent=self))
        on_cluster = pulumi.ResourceOptions(parent=self, providers={"kubernetes": cluster})

        # First, for a package may be missing.
        made_by = adapters(stack)
        # Then this one, for it refuses a stack that is too large, and then nothing has been made yet.
        self.gateway = GATEWAY_KINDS[stack.gateway.kind](f"{name}-gateway", stack, on_cluster)
        pools: dict[str, GpuNodePool] = {
            pool.name: made_by[pool.adapter](f"{name}-{pool.name}", pool, on_cluster) for pool in stack.pools
        }
        accelerators = {pool.name: pool.accelerator for pool in stack.pools}
        token = _token(f"{name}-modelhub", stack, pulumi.ResourceOptions(parent=self, provider=cluster))
        claims = _weights_claims(name, stack, pulumi.ResourceOptions(parent=self, provider=cluster))
        needs_llmaz = any(model.backend == "llmaz" for model in stack.models)
        sets = _leader_worker_set(f"{name}-lws", stack, on_cluster)
        # It runs pods by LeaderWorkerSets, whoever has brought these.
        after_sets = pulumi.ResourceOptions.merge(on_cluster, pulumi.ResourceOptions(depends_on=[sets] if sets else []))
        llmaz = LlmazOperator(f"{name}-llmaz", stack, after_sets) if needs_llmaz else None
        software = _gpu_software(f"{name}-gpu-software", stack, on_cluster)
        self.models = {
            model.name: MODEL_BACKENDS[model.backend](
                f"{name}-{model.name}",
                ModelServiceArgs(
                    model=model.model_copy(update={"source": mirrored_source(model.source, stack.image_mirror)}),
                    placement=pools[model.pool].placement,
                    serving=_serving(stack, accelerators[model.pool]),
                    namespace=stack.cluster.namespace,
                    metrics=metrics_source(stack, model),
                ),
                _model_options(
                    self,
                    cluster,
                    model,
                    token,
                    _operator(model, pools[model.pool].placement, llmaz, sets),
                    claims.get(cache_claim(model, stack.serving)),
                    software if accelerators[model.pool] == "nvidia" else None,
                    pools[model.pool].before_models,
                ),
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


def _gpu_software(name: str, stack: StackSettings, opts: pulumi.ResourceOptions) -> GpuSoftware | None:
    if stack.gpu_software.kind == "none":
        return None
    return GpuSoftware(name, stack, stack.gpu_software, opts)


def _leader_worker_set(name: str, stack: StackSettings, opts: pulumi.ResourceOptions) -> LeaderWorkerSetOperator | None:
    chart = leader_worker_set_release(stack)
    return LeaderWorkerSetOperator(name, chart, opts) if chart else None


def _operator(
    model: ModelSettings, placement: Placement, llmaz: LlmazOperator | None, sets: LeaderWorkerSetOperator | None
) -> pulumi.Resource | None:
    """The operator that has to be there before a model's objects."""
    if model.backend == "llmaz":
        return llmaz
    # llmaz's chart may have brought the other one along.
    return (sets or llmaz) if spans_nodes(model, placement) else None


def _serving(stack: StackSettings, accelerator: AcceleratorName) -> ServingSettings:
    """The container of models on an accelerator, with the address that its image is pulled from."""
    image = mirrored(stack.serving.image_on(accelerator), stack.image_mirror)
    return stack.serving.model_copy(update={"image": image})


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


def _weights_claims(
    name: str, stack: StackSettings, opts: pulumi.ResourceOptions
) -> Mapping[str | None, PersistentVolumeClaim]:
    return {
        claim: PersistentVolumeClaim(f"{name}-{claim}", metadata=manifest["metadata"], spec=manifest["spec"], opts=opts)
        for claim, manifest in created_claims(stack).items()
    }


def _model_options(
    parent: Platform,
    cluster: Provider,
    model: ModelSettings,
    token: Secret | None,
    operator: pulumi.Resource | None,
    claim: PersistentVolumeClaim | None,
    software: GpuSoftware | None,
    nodes: tuple[pulumi.Resource, ...],
) -> pulumi.ResourceOptions:
    before: list[pulumi.Resource] = [*nodes]
    # A pod takes the token at its start or not at all, so the Secret comes first.
    if token and model.source.startswith("hf://"):
        before.append(token)
    if operator:
        before.append(operator)
    if claim:
        before.append(claim)
    # Without it no node offers a GPU, and the first update would wait for pods that can't be placed.
    if software:
        before.append(software)
    return pulumi.ResourceOptions(parent=parent, providers={"kubernetes": cluster}, depends_on=before)
