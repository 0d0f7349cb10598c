"""Rules about the further values of Higress's chart."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stacks.rules.rule import GatewayRule, of_higress

if TYPE_CHECKING:
    from stacks.settings import HigressGatewaySettings

SECRET_VALUES = {
    "higress-console.admin.password": "write modelyard:gateway.console.adminPassword",
    "higress-core.redis.redis.password": "write modelyard:gateway.redis with the host of a Redis of yours",
    "higress-core.tracing.skywalking.access_token": "put a collector that asks for none between gateway and SkyWalking",
}
"""Values of the chart that are secrets, and what to do instead."""

FIXED_VALUES: dict[str, Any] = {
    "global.enableIstioAPI": True,
    "global.proxy.clusterDomain": "cluster.local",
    "higress-core.gateway.name": "higress-gateway",
    "higress-core.gateway.kind": "Deployment",
    "higress-core.gateway.httpPort": 80,
    "higress-core.gateway.httpsPort": 443,
    "higress-core.gateway.env.EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true",
    "higress-core.controller.name": "higress-controller",
    "higress-core.downstream.routeTimeout": 0,
    "higress-core.redis.redis.name": "redis-stack-server",
    "higress-core.redis.redis.service.port": 6379,
    "higress-console.name": "higress-console",
    "higress-console.service.port": 8080,
}
"""Values of the chart that routes, filters, budgets and network policies count on."""

OWNED_VALUES = {
    "global.ingressClass": "gateway.ingressClass",
    "global.createIngressClass": "gateway.createIngressClass",
    "global.enableRedis": "gateway.redis",
    "global.o11y.enabled": "gateway.dashboards.enabled",
    "higress-core.gateway.replicas": "gateway.replicas",
    "higress-core.gateway.autoscaling": "gateway.autoscaling",
    "higress-core.gateway.hostNetwork": "gateway.hostNetwork",
    "higress-core.gateway.service.type": "gateway.service.type",
    "higress-core.controller.replicas": "gateway.controller.replicas",
    "higress-core.downstream.idleTimeout": "routes[].timeouts",
    "higress-core.tracing.enable": "gateway.tracing",
    "higress-console.admin.username": "gateway.console.adminUser",
    "higress-console.ingress.enabled": "gateway.console.domain",
    "higress-console.ingress.domain": "gateway.console.domain",
    "higress-console.ingress.tlsSecretName": "gateway.console.tlsSecretName",
}
"""Values of the chart that settings say, and the settings: objects beside the chart go by these."""

TOP = ("global", "higress-core", "higress-console")
"""Where the chart's values begin."""

MAPPINGS = (
    *TOP,
    "higress-core.downstream",
    "higress-core.upstream",
    "higress-core.gzip",
    "higress-core.tracing",
)
"""Values of the chart that are mappings, and that others are laid under."""

_ABSENT: Any = object()
"""In place of a value that isn't given. A null is given: with it Helm takes away the chart's own."""


def _values(gateway: "HigressGatewaySettings") -> Iterator[str]:
    for path, instead in SECRET_VALUES.items():
        if _at(gateway.values, path) not in (_ABSENT, None, ""):
            yield (
                f"modelyard:gateway.values: {path} is given, a secret that would stand in Helm's record and in the "
                f"stack's state: {instead}"
            )
    for path, fixed in FIXED_VALUES.items():
        if (given := _at(gateway.values, path)) not in (_ABSENT, fixed):
            yield (
                f"modelyard:gateway.values: {path} is {_shown(given)}, but routes, filters, budgets and network "
                f"policies are made for {fixed!r}: leave it out"
            )
    for path, setting in OWNED_VALUES.items():
        if (given := _at(gateway.values, path)) is not _ABSENT:
            yield (
                f"modelyard:gateway.values: {path} is {_shown(given)}, but modelyard:{setting} says it, and what is "
                "made beside the chart goes by that: write it there, and leave it out here"
            )


def _watched_namespace(gateway: "HigressGatewaySettings") -> Iterator[str]:
    given = _at(gateway.values, "global.watchNamespace")
    if given not in (_ABSENT, None, "", gateway.namespace):
        yield (
            f"modelyard:gateway.values: global.watchNamespace is {_shown(given)}, but routes and plugins are in "
            f"{gateway.namespace!r}, where the controller would not see them: leave it out, or write "
            f"{gateway.namespace!r}"
        )


def _values_exist(gateway: "HigressGatewaySettings") -> Iterator[str]:
    for key in gateway.values:
        if key not in TOP:
            yield (
                f"modelyard:gateway.values.{key}: the chart knows {', '.join(TOP[:-1])} and {TOP[-1]} and passes over "
                "everything else without a word: write it below one of them"
            )


def _values_are_mappings(gateway: "HigressGatewaySettings") -> Iterator[str]:
    for path in MAPPINGS:
        *above, last = path.split(".")
        parent = _at(gateway.values, ".".join(above)) if above else gateway.values
        if isinstance(parent, dict) and last in parent and not isinstance(parent[last], dict):
            yield (
                f"modelyard:gateway.values: {path} is {parent[last]!r}, but the chart has a mapping there: write the "
                "keys below it"
            )


def _at(values: dict[str, Any], path: str) -> Any:
    found: Any = values
    for key in path.split("."):
        found = found.get(key, _ABSENT) if isinstance(found, dict) else _ABSENT
    return found


def _shown(value: Any) -> str:
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)


_GATEWAY_RULES: tuple[GatewayRule, ...] = (_values, _watched_namespace, _values_exist, _values_are_mappings)
VALUE_RULES = tuple(map(of_higress, _GATEWAY_RULES))
