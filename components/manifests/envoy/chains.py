"""The order in which a route's models are asked, as clusters.

For a model ``m`` the cluster ``m`` holds its pods. ``map:m`` and ``via:m`` lead there through the
internal listener, which writes the name that the pods know into the body: ``map:`` for a route
whose own name the pods don't know, ``via:`` for a fallback, which the answer's headers tell of.
"""

from collections.abc import Iterator

from stacks.settings import ModelSettings, RouteSettings, StackSettings

Chain = tuple[str, ...]
"""Cluster names, in the order in which they are asked."""


def mapped(model: ModelSettings) -> str:
    """The cluster that asks a model under its own name, as the route's first choice."""
    return f"map:{model.name}"


def fallback(model: ModelSettings) -> str:
    """The cluster that asks a model under its own name, in place of another."""
    return f"via:{model.name}"


def chain(stack: StackSettings, route: RouteSettings, upstream: ModelSettings) -> Chain:
    """The clusters that are asked when the route's choice falls on that upstream."""
    first = upstream.name if route.model in upstream.names else mapped(upstream)
    return (first, *(fallback(stack.model(name)) for name in route.fallback))


def cluster_name(members: Chain) -> str:
    """The cluster that a route names for a chain. It depends on the members only, so equal chains share it."""
    return members[0] if len(members) == 1 else f"chain:{'>'.join(members)}"


def weighted_chains(stack: StackSettings, route: RouteSettings) -> list[tuple[Chain, int]]:
    """The chains of a route's upstreams with their weights, those of weight 0 left out."""
    return [
        (chain(stack, route, stack.model(target.model)), target.weight) for target in route.targets if target.weight
    ]


def all_chains(stack: StackSettings) -> Iterator[Chain]:
    """Every chain of the stack, each once, in the order of the routes."""
    seen: set[Chain] = set()
    for route in stack.all_routes:
        for members, _ in weighted_chains(stack, route):
            if members not in seen:
                seen.add(members)
                yield members


def connect_seconds(stack: StackSettings, model: ModelSettings) -> float:
    """Longest time that a connection to the model's pods may take: the largest that its routes allow."""
    return max(
        (
            route.timeouts.connect_seconds
            for route in stack.all_routes
            if model.name in (*(target.model for target in route.targets), *route.fallback)
        ),
        default=RouteSettings(model=model.name).timeouts.connect_seconds,
    )
