"""Do the models of a stack fit on its node pools, and can they change there? Pure arithmetic over the settings."""

from collections.abc import Iterator

from stacks.packing import all_fit, has_room, in_words, most_gpus
from stacks.parallelism import spans_nodes
from stacks.settings import GpuNodePoolSettings, ModelSettings, StackSettings

NAMED = 3
"""How many models a sentence names before it only counts them."""


def shortages(stack: StackSettings) -> list[str]:
    """One sentence for every pool whose models ask for more GPUs than its most nodes have, or can give to replicas.

    It is a warning and no error: the replicas that fit run, and the others wait for a node.
    """
    return [sentence for index, pool in enumerate(stack.pools) for sentence in _shortage(stack, index, pool)]


def _shortage(stack: StackSettings, index: int, pool: GpuNodePoolSettings) -> Iterator[str]:
    if all_fit(stack, pool):
        return
    models = [model for model in stack.models if model.pool == pool.name]
    wanted = sum(_asked_gpus(model) for model in models)
    asking = " and ".join(f"{model.name} for {_asked_gpus(model)}" for model in models)
    # Where the number would do, it is the nodes: a replica has its GPUs on one of them.
    nodes = "" if wanted > most_gpus(pool) else ", in nodes that cannot hold these replicas whole"
    yield (
        f"modelyard:pools[{index}]: {wanted} GPUs are asked for ({asking}), but {in_words(pool)} is {most_gpus(pool)}"
        f"{nodes}, so replicas will stay Pending without a node: write a larger maxNodes where the pool has more "
        "nodes, or fewer replicas"
    )


def _asked_gpus(model: ModelSettings) -> int:
    return model.gpus * model.most_replicas


def interruptions(stack: StackSettings) -> list[str]:
    """One sentence for every pool with models that nothing answers for while an update replaces them.

    They have one replica, which stops before its successor starts, and a route without a fallback. What others fall
    back on has to end their chain, so it is named in production only.
    """
    return [sentence for pool in stack.pools for sentence in _interruption(stack, pool)]


def _interruption(stack: StackSettings, pool: GpuNodePoolSettings) -> Iterator[str]:
    models = [model for model in stack.models if model.pool == pool.name and _stops_answering(stack, model)]
    if not models:
        return
    names = " and ".join(repr(model.name) for model in models[:NAMED])
    others = f" and {len(models) - NAMED} more" if len(models) > NAMED else ""
    surge = all(model.backend == "native" and not spans_nodes(model, pool.devices_per_node) for model in models)
    ways = "add a fallback to the route, or write replicas: 2"
    if surge and has_room(stack, pool, max(model.gpus for model in models)):
        ways += f", or rollout.strategy: surge, for which pool {pool.name!r} has room beside them"
    yield (
        f"modelyard:models: {names}{others} on pool {pool.name!r}: one replica, replaced in place, and a route with no "
        f"fallback, so every update of the model interrupts it for a whole start: {ways}"
    )


def _stops_answering(stack: StackSettings, model: ModelSettings) -> bool:
    routes = stack.routes_to(model)
    last_resort = any(model.name in route.fallback for route in routes)
    return (
        model.least_replicas == 1
        and model.rollout.strategy == "in_place"
        and any(not route.fallback for route in routes)
        and (stack.production or not last_resort)
    )
