"""Rules about rollouts that could never finish, and about what pods may be told beside the model."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.packing import room
from stacks.rules.rule import Rule

if TYPE_CHECKING:
    from stacks.settings import GpuNodePoolSettings, ModelSettings, StackSettings


def _surge_has_room(stack: "StackSettings") -> Iterator[str]:
    pools = {pool.name: pool for pool in stack.pools}
    for index, model in enumerate(stack.models):
        pool = pools.get(model.pool)
        if model.rollout.strategy != "surge" or pool is None or _replaced_in_place(model, pool):
            continue
        found = spare_replicas(stack, pool, model.gpus)
        if found < model.rollout.max_surge:
            yield _no_room(stack, index, model, pool, found)


def spare_replicas(stack: "StackSettings", pool: "GpuNodePoolSettings", gpus: int) -> int:
    """How many replicas of so many GPUs a pool holds beside the most that its models ask for."""
    taken = [model.gpus for model in stack.models if model.pool == pool.name for _ in range(model.most_replicas)]
    return room(pool.max_nodes, pool.gpus_per_node, taken, gpus)


def _no_room(
    stack: "StackSettings", index: int, model: "ModelSettings", pool: "GpuNodePoolSettings", found: int
) -> str:
    asked = {each.name: each.gpus * each.most_replicas for each in stack.models if each.pool == pool.name}
    asking = " and ".join(f"{name} for {gpus}" for name, gpus in asked.items())
    surge, total = model.rollout.max_surge, pool.max_nodes * pool.gpus_per_node
    return (
        f"modelyard:models[{index}].rollout.strategy: 'surge' starts {surge} more of {model.gpus} GPUs beside the old "
        f"replicas, but pool {pool.name!r} has {total} GPUs (maxNodes {pool.max_nodes} times gpusPerNode "
        f"{pool.gpus_per_node}), and beside the {sum(asked.values())} that its models may ask for ({asking}) its nodes "
        f"have room for {found}, so an update would never finish: write strategy: in_place, a larger maxNodes, or "
        "fewer replicas"
    )


def _replaced_in_place(model: "ModelSettings", pool: "GpuNodePoolSettings") -> bool:
    return model.backend == "llmaz" or model.gpus > pool.gpus_per_node


def _surge_is_a_deployments(stack: "StackSettings") -> Iterator[str]:
    pools = {pool.name: pool for pool in stack.pools}
    for index, model in enumerate(stack.models):
        pool = pools.get(model.pool)
        if model.rollout.strategy != "surge" or pool is None or not _replaced_in_place(model, pool):
            continue
        reason = (
            "with backend 'llmaz', which replaces pods in place: write strategy: in_place, or backend: native"
            if model.backend == "llmaz"
            else f"with {model.gpus} GPUs on nodes of {pool.gpus_per_node}, and a replica of several nodes is replaced "
            "in place: write strategy: in_place, or a pool with larger nodes"
        )
        yield f"modelyard:models[{index}].rollout.strategy: 'surge' {reason}"


def _surge_counts_with_surge_only(stack: "StackSettings") -> Iterator[str]:
    for index, model in enumerate(stack.models):
        rollout = model.rollout
        if rollout.strategy == "in_place" and "max_surge" in rollout.model_fields_set:
            yield (
                f"modelyard:models[{index}].rollout.maxSurge: {rollout.max_surge} with strategy 'in_place', which "
                "starts nothing beside the old replicas: write strategy: surge, or leave maxSurge out"
            )


def _labels_are_not_ours(stack: "StackSettings") -> Iterator[str]:
    for key, value in stack.serving.pod_labels.items():
        if key.startswith("app.kubernetes.io/"):
            yield (
                f"modelyard:serving.podLabels: {key!r} is {value!r}, but Services and budgets find the pods by labels "
                "of that beginning: write another key, such as example.com/team"
            )


ROLLOUT_RULES: tuple[Rule, ...] = (
    _surge_has_room,
    _surge_is_a_deployments,
    _surge_counts_with_surge_only,
    _labels_are_not_ours,
)
