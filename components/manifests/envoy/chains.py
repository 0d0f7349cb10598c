"""The order in which a route's models are asked, as clusters.

For a model ``m`` the cluster ``m`` holds its pods. ``map:m`` and ``via:m`` lead there through the
internal listener, which writes the name that the pods know into the body: ``map:`` for a route
whose own name the pods don't know, ``via:`` for a fallback, which the answer's headers tell of.
``map:m@a`` writes the name of the LoRA adapter ``a``. A model that may have no pods is always asked by ``map:``.

A route names one composite cluster for each of its upstreams. The cluster's name depends on what the
route answers to and on the upstream only: a changed fallback changes the cluster, which Envoy swaps at
once, and not the route.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from stacks.settings import ModelSettings, RouteSettings, StackSettings, UpstreamSettings


@dataclass(frozen=True)
class Chain:
    """What is asked when a route's choice falls on one of its upstreams."""

    name: str
    """Name of the composite cluster."""
    members: tuple[str, ...]
    """Names of the clusters that it asks, in this order."""
    weight: int
    """The upstream's share of the route's requests, in percent."""


def mapped(model: ModelSettings, adapter: str | None = None) -> str:
    """The cluster that asks a model, or an adapter of it, under its own name, as the route's first choice."""
    return f"map:{model.name}@{adapter}" if adapter else f"map:{model.name}"


def fallback(model: ModelSettings) -> str:
    """The cluster that asks a model under its own name, in place of another."""
    return f"via:{model.name}"


def is_lone(route: RouteSettings) -> bool:
    """Whether no other model stands in. A second try then goes to the same one, whose other pods may be well."""
    return not route.fallback


def tries(route: RouteSettings) -> int:
    """How often a request is sent at most."""
    return 2 if is_lone(route) else 1 + len(route.fallback)


def chains(stack: StackSettings, route: RouteSettings) -> list[Chain]:
    """The chains of a route, one for each upstream."""
    return [Chain(_name(route, target), _members(stack, route, target), target.weight) for target in route.targets]


def all_chains(stack: StackSettings) -> Iterator[Chain]:
    """Every chain of the stack, in the order of the routes."""
    for route in stack.all_routes:
        yield from chains(stack, route)


def _name(route: RouteSettings, upstream: UpstreamSettings) -> str:
    asked = f"{upstream.model}@{upstream.adapter}" if upstream.adapter else upstream.model
    name = f"chain:{route.model}:{asked}"
    # No upstream's name has a '?', and no query a ':', so that no two routes get the same name.
    return f"{name}?{urlencode(sorted(route.headers.items()))}" if route.headers else name


def _members(stack: StackSettings, route: RouteSettings, upstream: UpstreamSettings) -> tuple[str, ...]:
    model = stack.model(upstream.model)
    known = (upstream.adapter,) if upstream.adapter else model.names
    # A chain passes over a cluster without pods as if it were not there. Through the internal listener it is
    # asked, and counts the request that is to start a pod.
    direct = route.model in known and not model.scales_to_zero
    first = model.name if direct else mapped(model, upstream.adapter)
    if is_lone(route):
        return (first,) * tries(route)
    return (first, *(fallback(stack.model(name)) for name in route.fallback))


def connect_seconds(stack: StackSettings, model: ModelSettings) -> float:
    """Longest time that a connection to the model's pods may take: the largest that its routes allow."""
    return max(
        (route.timeouts.connect_seconds for route in stack.routes_to(model)),
        default=RouteSettings(model=model.name).timeouts.connect_seconds,
    )
