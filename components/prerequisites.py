"""What is made before the models, and which of it a model waits for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes.core.v1 import PersistentVolumeClaim, Secret

from components.gpu_node_pool.contract import GpuNodePool
from components.manifests.hugging_face import token_secret
from components.manifests.multi_node.release import release as leader_worker_set_release
from components.manifests.weights.claims import cache_claim, created_claims
from stacks.parallelism import spans_nodes
from stacks.settings import ModelSettings, StackSettings

# What Helm installs is imported where a stack has it: that part of the SDK takes long to load.
if TYPE_CHECKING:
    from components.gpu_software import GpuSoftware
    from components.model_service.leader_worker_set_operator import LeaderWorkerSetOperator
    from components.model_service.llmaz_operator import LlmazOperator


class Prerequisites:
    """Secrets, claims, operators and GPU software of a stack, as far as its models need them."""

    def __init__(
        self,
        name: str,
        stack: StackSettings,
        pools: Mapping[str, GpuNodePool],
        parent: pulumi.Resource,
        cluster: pulumi.ProviderResource,
    ) -> None:
        """Make them.

        Args:
            name: what their names begin with.
            stack: the whole stack.
            pools: the node pools by their names.
            parent: what they are parts of.
            cluster: the provider of the cluster.
        """
        opts = pulumi.ResourceOptions(parent=parent, provider=cluster)
        on_cluster = pulumi.ResourceOptions(parent=parent, providers={"kubernetes": cluster})
        self._stack = stack
        self._pools = pools
        self._token = _token(f"{name}-modelhub", stack, opts)
        self._claims = _weights_claims(name, stack, opts)
        self._sets = _leader_worker_set(f"{name}-lws", stack, on_cluster)
        self._llmaz = _llmaz(f"{name}-llmaz", stack, self._sets, on_cluster)
        self._software = _gpu_software(f"{name}-gpu-software", stack, on_cluster)

    def of(self, model: ModelSettings) -> list[pulumi.Resource]:
        """What has to be there before a model's replicas start."""
        pool = self._pools[model.pool]
        candidates = (
            *pool.before_models,
            # A pod takes the token at its start or not at all.
            self._token if model.source.startswith("hf://") else None,
            self._operator(model),
            self._claims.get(cache_claim(model, self._stack.serving)),
            # Without it no node offers a GPU, and the first update would wait for pods that can't be placed.
            self._software if pool.placement.accelerator == "nvidia" else None,
        )
        return [resource for resource in candidates if resource is not None]

    def _operator(self, model: ModelSettings) -> pulumi.Resource | None:
        if model.backend == "llmaz":
            return self._llmaz
        # llmaz's chart may have brought the other one along.
        each = self._pools[model.pool].placement.gpus_per_node
        return (self._sets or self._llmaz) if spans_nodes(model, each) else None


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


def _leader_worker_set(
    name: str, stack: StackSettings, opts: pulumi.ResourceOptions
) -> "LeaderWorkerSetOperator | None":
    chart = leader_worker_set_release(stack)
    if chart is None:
        return None
    from components.model_service.leader_worker_set_operator import LeaderWorkerSetOperator

    return LeaderWorkerSetOperator(name, chart, opts)


def _llmaz(
    name: str, stack: StackSettings, sets: "LeaderWorkerSetOperator | None", opts: pulumi.ResourceOptions
) -> "LlmazOperator | None":
    if not any(model.backend == "llmaz" for model in stack.models):
        return None
    from components.model_service.llmaz_operator import LlmazOperator

    # It runs pods by LeaderWorkerSets, whoever has brought these.
    before = pulumi.ResourceOptions(depends_on=[sets] if sets else [])
    return LlmazOperator(name, stack, pulumi.ResourceOptions.merge(opts, before))


def _gpu_software(name: str, stack: StackSettings, opts: pulumi.ResourceOptions) -> "GpuSoftware | None":
    if stack.gpu_software.kind == "none":
        return None
    from components.gpu_software import GpuSoftware

    return GpuSoftware(name, stack, stack.gpu_software, opts)
