"""Rules about models and the nodes that they run on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule, instead

if TYPE_CHECKING:
    from stacks.settings import StackSettings


def _models_fit_pools(stack: "StackSettings") -> Iterator[str]:
    pools = {pool.name: pool for pool in stack.pools}
    for index, model in enumerate(stack.models):
        pool = pools.get(model.pool)
        if pool is None:
            yield (
                f"modelyard:models[{index}].pool: {model.pool!r} is no node pool of this stack: "
                f"{instead(pools, 'modelyard:pools')}"
            )
        elif model.gpus > pool.gpus_per_node:
            yield (
                f"modelyard:models[{index}].gpus: {model.gpus} GPUs a replica, but a node of pool {pool.name!r} "
                f"has {pool.gpus_per_node}, so no node can ever run it: write {pool.gpus_per_node} or fewer, "
                "or name a pool with larger nodes"
            )


def _parallelism(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        tensor = model.engine.tensor_parallel_size
        wanted = (tensor or 1) * model.engine.pipeline_parallel_size
        if tensor is not None and wanted != model.gpus:
            yield (
                f"modelyard:models[{index}].engine.tensorParallelSize: {tensor} times pipelineParallelSize "
                f"{model.engine.pipeline_parallel_size} is {wanted} GPUs, but the replica has {model.gpus}: "
                "make the product equal to gpus, or leave tensorParallelSize out"
            )
        elif tensor is None and model.gpus % model.engine.pipeline_parallel_size:
            yield (
                f"modelyard:models[{index}].engine.pipelineParallelSize: "
                f"{model.engine.pipeline_parallel_size} does not divide the replica's {model.gpus} GPUs: "
                "write a divisor of gpus"
            )


def _replicas_or_autoscaling(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        scaling = model.autoscaling
        if scaling and model.replicas is not None:
            yield (
                f"modelyard:models[{index}].replicas: {model.replicas} together with autoscaling, and each would "
                "undo the other: leave replicas out, and write autoscaling.minReplicas"
            )
        if scaling and scaling.min_replicas >= scaling.max_replicas:
            yield (
                f"modelyard:models[{index}].autoscaling.minReplicas: {scaling.min_replicas} leaves no room below "
                f"maxReplicas {scaling.max_replicas}: write a smaller one"
            )


def _model_sources(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        if model.revision is not None and not model.source.startswith("hf://"):
            yield (
                f"modelyard:models[{index}].revision: {model.revision!r}, but {model.source!r} has no revisions: "
                "leave it out, or name an hf:// source"
            )
        for position, name in enumerate(model.served_names):
            if name in model.served_names[:position]:
                yield (f"modelyard:models[{index}].servedNames[{position}]: {name!r} stands there already: remove one")


def _environment(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        path = f"modelyard:models[{index}].env"
        for name in model.env:
            if name.startswith("MODELYARD_"):
                yield (
                    f"{path}.{name}: variables that begin with MODELYARD_ are written from the model's other "
                    "settings, and two answers to one question contradict each other: use engine or extraArgs"
                )
            elif name == "HF_TOKEN":
                yield (
                    f"{path}.{name}: a token is a secret, and env is plain in the manifest: set it with "
                    "`pulumi config set --secret modelyard:huggingFaceToken`"
                )


def _pool_sizes(stack: "StackSettings") -> Iterator[str]:
    for index, pool in enumerate(stack.pools):
        if pool.min_nodes > pool.max_nodes:
            yield (
                f"modelyard:pools[{index}].minNodes: {pool.min_nodes} is above maxNodes {pool.max_nodes}, and no "
                "number of nodes is both: correct one of them"
            )
        for position, toleration in enumerate(pool.tolerations):
            if toleration.operator == "Exists" and toleration.value is not None:
                yield (
                    f"modelyard:pools[{index}].tolerations[{position}].value: {toleration.value!r} with operator "
                    "'Exists', which compares no value, and Kubernetes refuses both: write operator Equal, or "
                    "leave the value out"
                )


MODEL_RULES: tuple[Rule, ...] = (
    _models_fit_pools,
    _parallelism,
    _replicas_or_autoscaling,
    _model_sources,
    _environment,
    _pool_sizes,
)
