"""How many replicas fit on the nodes of a pool. Pure arithmetic over numbers of GPUs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.settings import GpuNodePoolSettings, StackSettings


def most_nodes(pool: "GpuNodePoolSettings") -> int:
    """The most nodes that a pool can have, of all its flavors."""
    return pool.max_nodes * max(1, len(pool.flavors))


def most_gpus(pool: "GpuNodePoolSettings") -> int:
    """The most GPUs that a pool can offer, or slices of them, or turns on them."""
    return most_nodes(pool) * pool.devices_per_node


def in_words(pool: "GpuNodePoolSettings") -> str:
    """How that number comes about, for a sentence."""
    words = f"maxNodes {pool.max_nodes} times gpusPerNode {pool.gpus_per_node}"
    if pool.flavors:
        words += f" times {len(pool.flavors)} flavors"
    if pool.devices_per_node > pool.gpus_per_node:
        words += f" times {pool.devices_per_node // pool.gpus_per_node} pods a GPU"
    return words


def spare_replicas(stack: "StackSettings", pool: "GpuNodePoolSettings", gpus: int) -> int:
    """How many replicas of so many GPUs a pool holds beside the most that its models may ask for."""
    return room(most_nodes(pool), pool.devices_per_node, _asked(stack, pool), gpus)


def all_fit(stack: "StackSettings", pool: "GpuNodePoolSettings") -> bool:
    """Whether a pool holds the most that its models may ask for, each replica on the nodes that it needs."""
    return _fit(most_nodes(pool), pool.devices_per_node, _asked(stack, pool))


def has_room(stack: "StackSettings", pool: "GpuNodePoolSettings", gpus: int, replicas: int = 1) -> bool:
    """Whether there is room for at least so many of these replicas."""
    return _fit(most_nodes(pool), pool.devices_per_node, [*_asked(stack, pool), *[gpus] * replicas])


def _asked(stack: "StackSettings", pool: "GpuNodePoolSettings") -> list[int]:
    return [model.gpus for model in stack.models if model.pool == pool.name for _ in range(model.most_replicas)]


def room(nodes: int, gpus_per_node: int, taken: Sequence[int], gpus: int) -> int:
    """How many more replicas fit on like nodes beside others, placed as well as can be.

    The GPUs of a replica are on one node, or it has whole nodes where it needs more of them than one has.
    The largest are placed first, each where the least is left. For replicas of 1, 2, 4, 8 and so on GPUs there
    is no better way. A scheduler may do worse, since it spreads small replicas over the nodes.

    Args:
        nodes: nodes of the pool.
        gpus_per_node: GPUs of each of them.
        taken: the GPUs of each replica that is there already.
        gpus: GPUs of one more replica.

    Returns:
        The number of further replicas; 0 also where those that are there don't fit by themselves.
    """
    fewest, most = 0, nodes * gpus_per_node // gpus
    while fewest < most:
        middle = (fewest + most + 1) // 2
        if _fit(nodes, gpus_per_node, [*taken, *[gpus] * middle]):
            fewest = middle
        else:
            most = middle - 1
    return fewest


def _fit(nodes: int, gpus_per_node: int, replicas: list[int]) -> bool:
    free = [*[0] * gpus_per_node, nodes]
    return all(_place(free, wanted) for wanted in sorted(replicas, reverse=True))


def _place(free: list[int], wanted: int) -> bool:
    """Take the GPUs of one replica, where they are there.

    Args:
        free: how many nodes have 0, 1, 2 and so on GPUs left. It is changed.
        wanted: GPUs of the replica.
    """
    gpus_per_node = len(free) - 1
    whole, rest = divmod(wanted, gpus_per_node)
    if free[-1] < whole:
        return False
    free[-1] -= whole
    free[0] += whole
    if rest == 0:
        return True
    for left in range(rest, gpus_per_node + 1):
        if free[left]:
            free[left] -= 1
            free[left - rest] += 1
            return True
    return False
