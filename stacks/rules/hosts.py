"""Rules about Redis, other hosts, addresses and origins."""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule

if TYPE_CHECKING:
    from stacks.settings import StackSettings

_HOST = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://[^/\s]+", re.IGNORECASE)


def _redis_of_the_chart(stack: "StackSettings") -> Iterator[str]:
    redis = stack.gateway.redis if stack.gateway.kind == "higress" else None
    if redis is None or redis.host:
        return
    for name in ("port", "username", "password"):
        if name in redis.model_fields_set:
            yield (
                f"modelyard:gateway.redis.{name}: the Redis that the chart installs has its own port and asks for no "
                "name or password: leave it out, or write the host of yours"
            )


def _hosts_resolve(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "envoy":
        return
    for path, settings in (("redis", stack.gateway.redis), ("securityGuard", stack.gateway.security_guard)):
        if settings and settings.host and not _HOST.fullmatch(settings.host):
            yield (
                f"modelyard:gateway.{path}.host: {settings.host!r} does not end like a host name, and Higress looks "
                "nothing else up: write a name, which may be one of a Service in the cluster"
            )


def _addresses(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "envoy":
        ranges = {"sourceRanges": stack.gateway.source_ranges}
    else:
        ranges = {"service.sourceRanges": stack.gateway.service.source_ranges}
        if restriction := stack.gateway.ip_restriction:
            ranges |= {"ipRestriction.allow": restriction.allow, "ipRestriction.deny": restriction.deny}
            if bool(restriction.allow) == bool(restriction.deny):
                given = "both lists are" if restriction.allow else "neither list is"
                yield (
                    f"modelyard:gateway.ipRestriction: {given} given, and the plugin works by one: write allow, or deny"
                )
    for path, addresses in ranges.items():
        for position, each in enumerate(addresses):
            if not _is_range(each):
                yield (
                    f"modelyard:gateway.{path}[{position}]: {each!r} is no address and no range of them: write one "
                    "such as 203.0.113.7 or 10.0.0.0/8"
                )


def _is_range(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _origins(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "envoy" or stack.gateway.cors is None:
        return
    for position, origin in enumerate(stack.gateway.cors.origins):
        if not _ORIGIN.fullmatch(origin):
            yield (
                f"modelyard:gateway.cors.origins[{position}]: {origin!r} is never what a browser sends, which is "
                "scheme, host and port and nothing behind: write one such as https://chat.example.com"
            )


HOST_RULES: tuple[Rule, ...] = (
    _redis_of_the_chart,
    _hosts_resolve,
    _addresses,
    _origins,
)
