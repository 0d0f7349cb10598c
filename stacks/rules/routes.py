"""Rules about routes: which models they reach, and which requests take them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule, instead, repeats

if TYPE_CHECKING:
    from stacks.settings import RouteSettings, StackSettings

KEY_HEADERS = ("authorization", "x-api-key")
"""Request headers that carry keys. They are taken out once the consumer is known."""
GATEWAY_HEADERS = ("x-modelyard-", "x-higress-", "x-hi-", "x-mse-", "x-envoy-")
"""How request headers begin that only a gateway sets."""


def _routes_reach_models(stack: "StackSettings") -> Iterator[str]:
    models = [model.name for model in stack.models]
    for index, route in enumerate(stack.routes):
        path = f"modelyard:routes[{index}]"
        if not route.upstreams and route.model not in models:
            yield (
                f"{path}.model: {route.model!r} is no model of this stack: {instead(models, 'modelyard:models')}, or "
                "say in upstreams which models answer for it"
            )
        for position, upstream in enumerate(route.upstreams):
            if upstream.model not in models:
                yield (
                    f"{path}.upstreams[{position}].model: {upstream.model!r} is no model of this stack: "
                    f"{instead(models, 'modelyard:models')}"
                )
        for position, name in enumerate(route.fallback):
            if name not in models:
                yield (
                    f"{path}.fallback[{position}]: {name!r} is no model of this stack, so nothing could answer: "
                    f"{instead(models, 'modelyard:models')}"
                )


def _fallback_goes_forward(stack: "StackSettings") -> Iterator[str]:
    for index, route in enumerate(stack.routes):
        yield from _revisits(f"modelyard:routes[{index}]", route)


def _revisits(path: str, route: "RouteSettings") -> Iterator[str]:
    primaries = {upstream.model for upstream in route.targets}
    seen: list[str] = []
    for position, name in enumerate(route.fallback):
        if name in primaries:
            yield (
                f"{path}.fallback[{position}]: {name!r} is what the route asks first, and when it has failed it "
                "cannot stand in for itself: name another model, or remove it"
            )
        elif name in seen:
            yield (
                f"{path}.fallback[{position}]: {name!r} stands in the chain already, at "
                f"fallback[{seen.index(name)}], so the chain would go in a circle: remove one of them"
            )
        seen.append(name)


def _weights(stack: "StackSettings") -> Iterator[str]:
    for index, route in enumerate(stack.routes):
        total = sum(upstream.weight for upstream in route.targets)
        if total != 100:
            yield (
                f"modelyard:routes[{index}].upstreams: the weights add up to {total}, and they are shares of 100: "
                "correct them"
            )
        asked = [f"{one.model}@{one.adapter}" if one.adapter else one.model for one in route.upstreams]
        yield from repeats(f"routes[{index}].upstreams", "model", asked)


def _headers_reach_routes(stack: "StackSettings") -> Iterator[str]:
    for index, route in enumerate(stack.routes):
        for name in route.headers:
            if name in KEY_HEADERS or name.startswith(GATEWAY_HEADERS):
                yield (
                    f"modelyard:routes[{index}].headers.{name}: the gateway keeps this header for itself and takes it "
                    "out of requests, so none could match: name another one, such as x-group"
                )


def _headers_tell_routes_apart(stack: "StackSettings") -> Iterator[str]:
    earlier: dict[tuple[str, int], list[tuple[int, dict[str, str]]]] = {}
    for index, route in enumerate(stack.routes):
        rivals = earlier.setdefault((route.model, len(route.headers)), [])
        for other, headers in rivals:
            if headers != route.headers and not any(
                headers.get(name, value) != value for name, value in route.headers.items()
            ):
                yield (
                    f"modelyard:routes[{index}].headers: a request can have these and those of routes[{other}], and "
                    "neither route asks for more, so it is open which one takes it: let one ask for the headers of "
                    "both, or use one header with two values"
                )
        rivals.append((index, route.headers))


def _sessions_have_their_policy(stack: "StackSettings") -> Iterator[str]:
    for index, route in enumerate(stack.routes):
        balancing = route.load_balancing
        if balancing and balancing.policy != "session" and "session_header" in balancing.model_fields_set:
            yield (
                f"modelyard:routes[{index}].loadBalancing.sessionHeader: {balancing.session_header!r} with policy "
                f"{balancing.policy!r}, which knows no sessions: write policy: session, or leave sessionHeader out"
            )


def _sessions_agree(stack: "StackSettings") -> Iterator[str]:
    taken: dict[str, tuple[int, str]] = {}
    for index, route in enumerate(stack.routes):
        balancing = route.load_balancing
        if balancing is None or balancing.policy != "session":
            continue
        for name in route.reached:
            first, header = taken.setdefault(name, (index, balancing.session_header))
            if header != balancing.session_header:
                yield (
                    f"modelyard:routes[{index}].loadBalancing.sessionHeader: {balancing.session_header!r}, but "
                    f"routes[{first}] reaches model {name!r} by {header!r}, and Higress balances a model in one way: "
                    "use the same header for both"
                )


ROUTE_RULES: tuple[Rule, ...] = (
    _routes_reach_models,
    _fallback_goes_forward,
    _weights,
    _headers_reach_routes,
    _headers_tell_routes_apart,
    _sessions_have_their_policy,
    _sessions_agree,
)
