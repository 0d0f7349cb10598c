"""Rules about replicas that span several nodes, and about pools that have to hold them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from serving.vllm_arguments import field_of, names
from stacks.parallelism import spans_nodes
from stacks.rules.rule import Rule, placed

if TYPE_CHECKING:
    from stacks.settings import GpuNodePoolSettings, ModelSettings, StackSettings

GROUP_NAME_LIMIT = 48
"""The longest name of a model that spans nodes.

Of a set ``<model>-<replica>`` of workers Kubernetes makes a label of 11 characters more, 63 in all, and a model has
up to 1,000 replicas.
"""

OF_A_GROUP = {
    "api_server_count": "of which only the first has API servers",
    "distributed_executor_backend": "which vLLM's own image joins by processes and not by Ray",
}
"""Fields of vLLM that are not for a stack to choose where a replica spans nodes, and why."""


def _replicas_fit_pools(stack: "StackSettings") -> Iterator[str]:
    for index, model, pool in _spanning(stack):
        if model.backend == "llmaz":
            continue
        path, each = f"modelyard:models[{index}].gpus", pool.devices_per_node
        nodes, rest = divmod(model.gpus, each)
        if rest:
            yield (
                f"{path}: {model.gpus} GPUs a replica, but a node of pool {pool.name!r} has {each}, and a replica of "
                f"several nodes has all GPUs of each: write {nodes * each} or {(nodes + 1) * each}, or name a pool "
                "with larger nodes"
            )
        elif nodes > pool.max_nodes:
            yield (
                f"{path}: {model.gpus} GPUs a replica are {nodes} nodes of pool {pool.name!r}, which has {each} GPUs a "
                f"node and maxNodes {pool.max_nodes}, so it can never hold one: write {pool.max_nodes * each} or "
                "fewer, a larger maxNodes where the pool has more nodes, or name another pool"
            )


def _backends(stack: "StackSettings") -> Iterator[str]:
    for index, model, pool in _spanning(stack):
        each = pool.devices_per_node
        if model.backend == "llmaz":
            yield (
                f"modelyard:models[{index}].gpus: {model.gpus} GPUs a replica with backend 'llmaz', but a node of pool "
                f"{pool.name!r} has {each}, and llmaz starts the pods on the other nodes only when the first is ready, "
                f"which vLLM never is without them: write backend native, or {each} GPUs or fewer"
            )


def _names_of_groups(stack: "StackSettings") -> Iterator[str]:
    for index, model, _ in _spanning(stack):
        path = f"modelyard:models[{index}].name"
        if len(model.name) > GROUP_NAME_LIMIT:
            yield (
                f"{path}: {model.name!r} has {len(model.name)} characters, and as the replicas span nodes, labels of "
                f"its pods would be too long for Kubernetes: stay within {GROUP_NAME_LIMIT}"
            )
        for other, beside in enumerate(stack.models):
            name, _, number = beside.name.rpartition("-")
            if name == model.name and number.isdigit():
                yield (
                    f"modelyard:models[{other}].name: {beside.name!r} is also what the workers and the Service of "
                    f"replica {number} of {model.name!r} are called, which spans nodes: rename one of the models"
                )


def _arguments(stack: "StackSettings") -> Iterator[str]:
    for index, model, _ in _spanning(stack):
        if model.engine.api_server_count is not None:
            yield (
                f"modelyard:models[{index}].engine.apiServerCount: {model.engine.api_server_count} for replicas that "
                f"span nodes, {OF_A_GROUP['api_server_count']}: remove it"
            )
        for position, name in names(model.extra_args):
            reason = OF_A_GROUP.get(field_of(name) or "")
            if reason:
                yield (
                    f"modelyard:models[{index}].extraArgs[{position}]: {name!r} for replicas that span nodes, "
                    f"{reason}: remove it"
                )


def _flavors(stack: "StackSettings") -> Iterator[str]:
    for index, _, pool in _spanning(stack):
        if len(pool.flavors) > 1:
            known = " and ".join(repr(flavor.name) for flavor in pool.flavors)
            yield (
                f"modelyard:models[{index}].pool: {pool.name!r} has flavors {known}, and the pods of a replica that "
                "spans nodes could come to nodes of different ones, and wait for each other there: name a pool of one "
                "flavor"
            )


def _rdma(stack: "StackSettings") -> Iterator[str]:
    for index, model, pool in placed(stack):
        if model.rdma and not spans_nodes(model, pool.devices_per_node):
            yield (
                f"modelyard:models[{index}].rdma: {model.rdma.resource!r}, but a replica of {model.gpus} GPUs is on "
                f"one node of pool {pool.name!r}, where GPUs talk to each other without a network: leave it out"
            )


def _spanning(stack: "StackSettings") -> Iterator[tuple[int, "ModelSettings", "GpuNodePoolSettings"]]:
    """The models whose replicas span nodes."""
    return ((index, model, pool) for index, model, pool in placed(stack) if spans_nodes(model, pool.devices_per_node))


NODE_RULES: tuple[Rule, ...] = (
    _replicas_fit_pools,
    _backends,
    _names_of_groups,
    _arguments,
    _flavors,
    _rdma,
)
