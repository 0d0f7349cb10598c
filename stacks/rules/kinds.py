"""Rules about what only some gateways have."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule

if TYPE_CHECKING:
    from stacks.settings import StackSettings


def _needs_higress(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "higress":
        return
    for path in _beyond_envoy(stack):
        yield (
            f"modelyard:{path}: a gateway of kind {stack.gateway.kind!r} has no such thing: write "
            "modelyard:gateway.kind: higress, or leave it out"
        )


def _beyond_envoy(stack: "StackSettings") -> Iterator[str]:
    for index, consumer in enumerate(stack.gateway.auth.consumers):
        if consumer.jwt:
            yield f"gateway.auth.consumers[{index}].jwt"
    yield from _shared_counts(stack)
    for index, route in enumerate(stack.routes):
        if route.load_balancing and route.load_balancing.policy == "session":
            yield f"routes[{index}].loadBalancing"


def _needs_redis(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "envoy" or stack.gateway.redis:
        return
    for path in _shared_counts(stack):
        yield (
            f"modelyard:{path}: gateway pods must agree on it, and they have no Redis to do that in: add "
            "modelyard:gateway.redis, with the host of yours or with {} for one that the chart installs"
        )


def _shared_counts(stack: "StackSettings") -> Iterator[str]:
    auth = stack.gateway.auth
    for index, consumer in enumerate(auth.consumers):
        if consumer.token_limit:
            yield f"gateway.auth.consumers[{index}].tokenLimit"
    if auth.quota:
        yield "gateway.auth.quota"
    for index, route in enumerate(stack.routes):
        if route.load_balancing and route.load_balancing.policy != "session":
            yield f"routes[{index}].loadBalancing"
        if route.token_limit:
            yield f"routes[{index}].tokenLimit"
        if route.cache:
            yield f"routes[{index}].cache"


def _envoy_service(stack: "StackSettings") -> Iterator[str]:
    gateway = stack.gateway
    if gateway.kind == "envoy" and gateway.node_port is not None and gateway.service_type != "NodePort":
        yield (
            f"modelyard:gateway.nodePort: {gateway.node_port} with service type "
            f"{gateway.service_type!r} has no effect: write serviceType NodePort, or leave nodePort out"
        )
    if gateway.kind == "envoy" and gateway.source_ranges and gateway.service_type != "LoadBalancer":
        yield (
            f"modelyard:gateway.sourceRanges: given for service type {gateway.service_type!r}, and only a load "
            "balancer has it: write serviceType LoadBalancer, or leave it out"
        )


KIND_RULES: tuple[Rule, ...] = (
    _needs_higress,
    _needs_redis,
    _envoy_service,
)
