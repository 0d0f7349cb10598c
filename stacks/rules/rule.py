"""What a rule is, and what their sentences have in common."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.settings import GpuNodePoolSettings, HigressGatewaySettings, ModelSettings, StackSettings

Rule = Callable[["StackSettings"], Iterable[str]]
"""Yields sentences of three parts: what was given, with its place, why it cannot work, and what to write instead."""
GatewayRule = Callable[["HigressGatewaySettings"], Iterable[str]]
"""A rule about the settings of a Higress gateway and nothing else."""


def of_higress(rule: GatewayRule) -> Rule:
    """The rule, for stacks whose gateway may be of another kind."""
    return lambda stack: rule(stack.gateway) if stack.gateway.kind == "higress" else ()


def placed(stack: "StackSettings") -> Iterator[tuple[int, "ModelSettings", "GpuNodePoolSettings"]]:
    """The models whose pool is there, with their index and the pool."""
    pools = {pool.name: pool for pool in stack.pools}
    for index, model in enumerate(stack.models):
        if pool := pools.get(model.pool):
            yield index, model, pool


def repeats(path: str, key: str, names: Iterable[str]) -> Iterator[str]:
    """A sentence for every name that stands in a list twice."""
    seen: list[str] = []
    for index, name in enumerate(names):
        if name in seen:
            yield (
                f"modelyard:{path}[{index}].{key}: {name!r} stands at {path}[{seen.index(name)}] already, and "
                "names must differ: rename one of them"
            )
        seen.append(name)


def instead(names: Iterable[str], place: str) -> str:
    """What to write in place of a name that nothing has."""
    known = " or ".join(repr(name) for name in sorted(names))
    return f"write {known}, or add it to {place}" if known else f"add it to {place}"


def camel(name: str) -> str:
    """A setting's name as a stack file writes it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
