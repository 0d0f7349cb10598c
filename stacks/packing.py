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


def all_fit(stack: "StackSettings", pool: "GpuNodePoolSettings") -> bool:
    """Whether a pool holds the most that its models may ask for, each replica on the nodes that it needs."""
    return fit(most_nodes(pool), pool.devices_per_node, _asked(stack, pool))


def has_room(stack: "StackSettings", pool: "GpuNodePoolSettings", gpus: int) -> bool:
    """Whether a pool holds one more replica of so many GPUs beside the most that its models may ask for."""
    return fit(most_nodes(pool), pool.devices_per_node, [*_asked(stack, pool), gpus])


def _asked(stack: "StackSettings", pool: "GpuNodePoolSettings") -> list[int]:
    return [model.gpus for model in stack.models if model.pool == pool.name for _ in range(model.most_replicas)]


def fit(nodes: int, gpus_per_node: int, replicas: Sequence[int]) -> bool:
    """Whether replicas fit on like nodes, placed as well as can be.

    The GPUs of a replica are on one node, or it has whole nodes where it needs more of them than one has.
    The largest are placed first, each where the least is left. For replicas of 1, 2, 4, 8 and so on GPUs there
    is no better way. A scheduler may do worse, since it spreads small replicas over the nodes.

    Args:
        nodes: nodes of the pool.
        gpus_per_node: GPUs of each of them.
        replicas: the GPUs of each replica.
    """
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
