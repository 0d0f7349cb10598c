"""Do the models of a stack fit on its node pools together? Pure arithmetic over the settings."""

from collections.abc import Iterator

from stacks.settings import GpuNodePoolSettings, ModelSettings, StackSettings


def shortages(stack: StackSettings) -> list[str]:
    """One sentence for every pool whose models ask for more GPUs than its most nodes have.

    It is a warning and no error: the replicas that fit run, and the others wait for a node.
    """
    return [sentence for index, pool in enumerate(stack.pools) for sentence in _shortage(stack, index, pool)]


def _shortage(stack: StackSettings, index: int, pool: GpuNodePoolSettings) -> Iterator[str]:
    models = [model for model in stack.models if model.pool == pool.name]
    wanted = sum(_most_gpus(model) for model in models)
    there = pool.max_nodes * pool.gpus_per_node
    if wanted > there:
        asking = " and ".join(f"{model.name} for {_most_gpus(model)}" for model in models)
        yield (
            f"modelyard:pools[{index}]: {wanted} GPUs are asked for ({asking}), but maxNodes {pool.max_nodes} times "
            f"gpusPerNode {pool.gpus_per_node} is {there}, so replicas will stay Pending without a node: write a "
            "larger maxNodes where the pool has more nodes, or fewer replicas"
        )


def _most_gpus(model: ModelSettings) -> int:
    return model.gpus * model.most_replicas
