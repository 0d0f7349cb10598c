"""Rules about names that have to differ."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule, repeats

if TYPE_CHECKING:
    from stacks.settings import StackSettings


def _unique_names(stack: "StackSettings") -> Iterator[str]:
    yield from repeats("pools", "name", (pool.name for pool in stack.pools))
    yield from repeats("models", "name", (model.name for model in stack.models))
    consumers = stack.gateway.auth.consumers
    yield from repeats("gateway.auth.consumers", "name", (consumer.name for consumer in consumers))
    for index, route in enumerate(stack.routes):
        earlier = [(other.model, other.headers) for other in stack.routes[:index]]
        if (route.model, route.headers) in earlier:
            yield (
                f"modelyard:routes[{index}].model: {route.model!r} has a route already, "
                f"modelyard:routes[{earlier.index((route.model, route.headers))}], and a request can take only one: "
                "put what they say into one route"
            )


def _service_names(stack: "StackSettings") -> Iterator[str]:
    taken: dict[str, str] = {}
    if stack.gateway.kind == "envoy":
        taken[stack.gateway.name] = "modelyard:gateway.name"
    for index, model in enumerate(stack.models):
        for name in (model.name, f"{model.name}-lb"):
            if name in taken:
                yield (
                    f"modelyard:models[{index}].name: {model.name!r} makes a Service {name!r}, which "
                    f"{taken[name]} makes too: rename one of them"
                )
            taken.setdefault(name, f"modelyard:models[{index}].name")


NAME_RULES: tuple[Rule, ...] = (
    _unique_names,
    _service_names,
)
