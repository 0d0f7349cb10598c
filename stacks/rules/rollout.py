"""Rules about rollouts that could never finish, and about what pods may be told beside the model."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.packing import has_room, in_words, most_gpus
from stacks.parallelism import spans_nodes
from stacks.rules.rule import Rule, placed

if TYPE_CHECKING:
    from stacks.settings import GpuNodePoolSettings, ModelSettings, StackSettings


def _surge_has_room(stack: "StackSettings") -> Iterator[str]:
    # Of many like models one is tried.
    tried: dict[tuple[str, int], bool] = {}
    for index, model, pool in placed(stack):
        if model.rollout.strategy != "surge" or _replaced_in_place(model, pool):
            continue
        like = (pool.name, model.gpus)
        if like not in tried:
            # One is enough, whatever maxSurge says: each old replica that it takes the place of makes room.
            tried[like] = has_room(stack, pool, model.gpus)
        if not tried[like] and model.most_replicas:
            yield _no_room(stack, index, model, pool)


def _no_room(stack: "StackSettings", index: int, model: "ModelSettings", pool: "GpuNodePoolSettings") -> str:
    asked = {each.name: each.gpus * each.most_replicas for each in stack.models if each.pool == pool.name}
    asking = " and ".join(f"{name} for {gpus}" for name, gpus in asked.items())
    return (
        f"modelyard:models[{index}].rollout.strategy: 'surge' starts a replica of {model.gpus} GPUs beside the old "
        f"ones, but pool {pool.name!r} has {most_gpus(pool)} GPUs ({in_words(pool)}), and beside the "
        f"{sum(asked.values())} that its models may ask for ({asking}) its nodes have room for none, so an update "
        "would never finish: write strategy: in_place, a larger maxNodes, or fewer replicas"
    )


def _replaced_in_place(model: "ModelSettings", pool: "GpuNodePoolSettings") -> bool:
    return model.backend == "llmaz" or spans_nodes(model, pool.devices_per_node)


def _surge_is_a_deployments(stack: "StackSettings") -> Iterator[str]:
    for index, model, pool in placed(stack):
        if model.rollout.strategy != "surge" or not _replaced_in_place(model, pool):
            continue
        reason = (
            "with backend 'llmaz', which replaces pods in place: write strategy: in_place, or backend: native"
            if model.backend == "llmaz"
            else f"with {model.gpus} GPUs on nodes of {pool.devices_per_node}, and a replica of several nodes is "
            "replaced in place: write strategy: in_place, or a pool with larger nodes"
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
