"""Rules about the further values of Higress's chart."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stacks.rules.rule import of_higress

if TYPE_CHECKING:
    from stacks.settings import HigressGatewaySettings

SECRET_VALUES = {
    "higress-console.admin.password": "write modelyard:gateway.console.adminPassword",
    "higress-core.redis.redis.password": "write modelyard:gateway.redis with the host of a Redis of yours",
    "higress-core.tracing.skywalking.access_token": "put a collector that asks for none between gateway and SkyWalking",
}
"""Values of the chart that are secrets, and what to do instead."""

FIXED_VALUES = {
    "higress-core.gateway.name": "'higress-gateway'",
    "higress-core.gateway.kind": "'Deployment'",
    "higress-core.controller.name": "'higress-controller'",
    "higress-console.name": "'higress-console'",
    "higress-core.redis.redis.name": "'redis-stack-server'",
}
"""Values of the chart that budgets, network policies and routes count on."""

MAPPINGS = (
    "global",
    "higress-core",
    "higress-console",
    "higress-core.downstream",
    "higress-core.upstream",
    "higress-core.gzip",
    "higress-core.tracing",
)
"""Values of the chart that are mappings, and that others are laid under."""


def _values(gateway: "HigressGatewaySettings") -> Iterator[str]:
    for path, instead in SECRET_VALUES.items():
        if _at(gateway.values, path):
            yield (
                f"modelyard:gateway.values: {path} is given, a secret that would stand in Helm's record and in the "
                f"stack's state: {instead}"
            )
    for path, fixed in FIXED_VALUES.items():
        if (given := _at(gateway.values, path)) not in (None, fixed.strip("'")):
            yield (
                f"modelyard:gateway.values: {path} is {given!r}, but routes, budgets and network policies are made for "
                f"{fixed}: leave it out"
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
        found = found.get(key) if isinstance(found, dict) else None
    return found


VALUE_RULES = (of_higress(_values), of_higress(_values_are_mappings))
