"""How many replicas fit on like nodes."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.packing import fit


def room(nodes: int, gpus_per_node: int, taken: list[int], gpus: int) -> int:
    """How many replicas of so many GPUs fit beside others."""
    return sum(fit(nodes, gpus_per_node, [*taken, *[gpus] * more]) for more in range(1, nodes * gpus_per_node + 1))


@pytest.mark.parametrize(
    ("nodes", "gpus_per_node", "taken", "gpus", "found"),
    [
        (1, 2, [], 1, 2),
        (1, 2, [1], 1, 1),
        (1, 2, [1, 1], 1, 0),
        (2, 4, [4], 4, 1),
        # Four GPUs are spare, two on each node: not for a replica of four.
        (2, 4, [2, 2], 4, 1),
        (2, 4, [2, 2, 2], 4, 0),
        (2, 3, [2, 2], 2, 0),
        (2, 3, [2, 2], 1, 2),
        # Two whole nodes for one replica.
        (4, 8, [16], 16, 1),
        (4, 8, [16, 1], 16, 0),
        (3, 8, [1, 1], 16, 1),
        (0, 8, [], 1, 0),
        # What is there does not fit by itself.
        (1, 4, [4, 4], 1, 0),
    ],
)
def test_room(nodes: int, gpus_per_node: int, taken: list[int], gpus: int, found: int) -> None:
    assert room(nodes, gpus_per_node, taken, gpus) == found


POWERS = st.sampled_from([1, 2, 4])


@cache
def exists(free: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether there is any placement at all, by trying them all."""
    if not wanted:
        return True
    first, *others = wanted
    left = {tuple(sorted((*free[:node], gpus - first, *free[node + 1 :]))) for node, gpus in enumerate(free)}
    return any(exists(each, tuple(others)) for each in left if each[0] >= 0)


@given(nodes=st.integers(1, 3), gpus_per_node=st.integers(4, 6), taken=st.lists(POWERS, max_size=4), gpus=POWERS)
def test_for_powers_of_two_there_is_no_better_placement(
    nodes: int, gpus_per_node: int, taken: list[int], gpus: int
) -> None:
    found = room(nodes, gpus_per_node, taken, gpus)
    free = (gpus_per_node,) * nodes
    assert found == 0 or exists(free, (*taken, *[gpus] * found))
    assert not exists(free, (*taken, *[gpus] * (found + 1)))


@given(
    nodes=st.integers(0, 50),
    gpus_per_node=st.integers(1, 8),
    taken=st.lists(st.integers(1, 24), max_size=20),
    gpus=st.integers(1, 24),
)
def test_no_more_gpus_are_given_than_there_are(nodes: int, gpus_per_node: int, taken: list[int], gpus: int) -> None:
    found = room(nodes, gpus_per_node, taken, gpus)
    assert found >= 0
    assert found == 0 or sum(taken) + found * gpus <= nodes * gpus_per_node


def test_a_large_pool_takes_no_time() -> None:
    taken = [1] * 50_000
    assert fit(10_000, 8, [*taken, *[8] * 3750])
    assert not fit(10_000, 8, [*taken, *[8] * 3751])
