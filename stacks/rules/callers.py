"""Rules about who may call, and how callers are known."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule, instead

if TYPE_CHECKING:
    from stacks.settings import StackSettings

_IN_A_HEADER = re.compile(r"[!-~]([ -~]*[!-~])?")


def _consumers_known(stack: "StackSettings") -> Iterator[str]:
    known = [consumer.name for consumer in stack.gateway.auth.consumers]
    for index, route in enumerate(stack.routes):
        for position, name in enumerate(route.consumers or ()):
            if name not in known:
                yield (
                    f"modelyard:routes[{index}].consumers[{position}]: {name!r} has no key at the gateway, so "
                    f"nobody could use it: {instead(known, 'modelyard:gateway.auth.consumers')}"
                )


def consumer_keys(stack: "StackSettings") -> Iterator[tuple[str, str]]:
    """Every key of a consumer, behind the path of its setting."""
    for index, consumer in enumerate(stack.gateway.auth.consumers):
        for position, key in enumerate(consumer.keys):
            yield f"modelyard:gateway.auth.consumers[{index}].keys[{position}]", key.get_secret_value()


def _keys_differ(stack: "StackSettings") -> Iterator[str]:
    seen: dict[str, str] = {}
    for path, value in consumer_keys(stack):
        if not value:
            yield f"{path}: the key is empty, and anybody could send it: write a long random one"
        elif value in seen:
            yield (f"{path}: {seen[value]} is the same key, and then nobody can tell who calls: give each its own")
        seen.setdefault(value, path)


def _keys_fit_a_header(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "higress":
        # Its templates take less, and the rule on these says so.
        return
    for path, value in consumer_keys(stack):
        if value and not _IN_A_HEADER.fullmatch(value):
            yield (
                f"{path}: the key has a line's end, a space at an end or a character beyond ASCII, and no header can "
                "carry it: write one of letters, digits, '-' and '_' (`printf %s` in place of `echo` adds no line's "
                "end)"
            )


def _consumers_are_known_by_something(stack: "StackSettings") -> Iterator[str]:
    for index, consumer in enumerate(stack.gateway.auth.consumers):
        if not consumer.keys and consumer.jwt is None:
            yield (
                f"modelyard:gateway.auth.consumers[{index}]: {consumer.name!r} has neither keys nor jwt, so no request "
                "could be known for theirs: set a key with --secret, or remove the consumer"
            )


def _one_way_to_identify(stack: "StackSettings") -> Iterator[str]:
    consumers = list(enumerate(stack.gateway.auth.consumers))
    with_keys = [consumer.name for _, consumer in consumers if consumer.keys]
    with_tokens = [(index, consumer.name) for index, consumer in consumers if consumer.jwt]
    if stack.gateway.kind == "higress" and with_keys and with_tokens:
        index, name = with_tokens[0]
        yield (
            f"modelyard:gateway.auth.consumers[{index}].jwt: {name!r} is known by tokens and {with_keys[0]!r} by keys, "
            "and the plugin for the one refuses whoever brings the other: give all consumers keys, or all of them jwt"
        )


def _quota_administrator(stack: "StackSettings") -> Iterator[str]:
    auth = stack.gateway.auth
    known = sorted(consumer.name for consumer in auth.consumers)
    if auth.quota and auth.quota.admin_consumer not in known:
        names = " or ".join(map(repr, known))
        yield (
            f"modelyard:gateway.auth.quota.adminConsumer: {auth.quota.admin_consumer!r} is no consumer, so nobody "
            f"could fill a budget: {f'write {names}, or ' if known else ''}add it to modelyard:gateway.auth.consumers"
        )


def _cache_is_shared(stack: "StackSettings") -> Iterator[str]:
    everybody = [consumer.name for consumer in stack.gateway.auth.consumers]
    for index, route in enumerate(stack.routes):
        users = everybody if route.consumers is None else route.consumers
        if route.cache and not route.cache.shared and len(users) > 1:
            yield (
                f"modelyard:routes[{index}].cache: {len(users)} consumers use the route, and each would get answers to "
                "what another one asked: write shared: true if they may, or leave the route one consumer"
            )


CALLER_RULES: tuple[Rule, ...] = (
    _consumers_known,
    _keys_differ,
    _keys_fit_a_header,
    _consumers_are_known_by_something,
    _one_way_to_identify,
    _quota_administrator,
    _cache_is_shared,
)
