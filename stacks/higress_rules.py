"""Rules about what Higress's plugins can do, what they need, and what only they can do."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import SecretStr

    from stacks.settings import HigressGatewaySettings, StackSettings

_BASE64 = "[A-Za-z0-9_-]+"
KEY_MEMBERS = {
    "RSA": {"n": _BASE64, "e": _BASE64},
    "EC": {"crv": "P-(256|384|521)", "x": _BASE64, "y": _BASE64},
    "OKP": {"crv": "Ed25519", "x": _BASE64},
}
"""What a public key of each type consists of, as patterns of its members (RFC 7518, RFC 8037)."""

_HOST = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://[^/\s]+", re.IGNORECASE)
_HEADER_SAFE = re.compile(r"[!-~]+")
_TEXT_SAFE = re.compile(r"[^\x00-\x1f\"\\\x7f]*")
_REFERENCE = "${"


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


def _needs_redis(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "envoy" or stack.gateway.redis:
        return
    for path in _shared_counts(stack):
        yield (
            f"modelyard:{path}: gateway pods must agree on it, and they have no Redis to do that in: add "
            "modelyard:gateway.redis, with the host of yours or with {} for one that the chart installs"
        )


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


def _key_sets(stack: "StackSettings") -> Iterator[str]:
    seen: list[tuple[str, Any, str]] = []
    for index, consumer in enumerate(stack.gateway.auth.consumers):
        if consumer.jwt is None:
            continue
        path = f"modelyard:gateway.auth.consumers[{index}].jwt"
        keys = _public_keys(consumer.jwt.jwks)
        if isinstance(keys, str):
            yield f"{path}.jwks: {keys}: write the issuer's JWK set, with its RSA, EC and OKP keys"
            continue
        for issuer, key, other in seen:
            if issuer == consumer.jwt.issuer and key in keys:
                yield (
                    f"{path}: {other!r} has the same issuer {issuer!r} with the same key, so a token says not which of "
                    "the two it is for: give each an issuer or a key of its own, or make them one consumer"
                )
                break
        seen.extend((consumer.jwt.issuer, key, consumer.name) for key in keys)


def _public_keys(jwks: str) -> list[dict[str, Any]] | str:
    """The keys of a JWK set, or what is wrong with it. The plugin would let everybody in with a wrong one."""
    try:
        found = json.loads(jwks)
    except ValueError:
        return "the text is no JSON"
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not keys:
        return "it has no list of 'keys'"
    for number, key in enumerate(keys):
        kind = key.get("kty") if isinstance(key, dict) else None
        if kind == "oct":
            return f"key {number} is of type 'oct', a secret that would stand in plain text"
        if kind not in KEY_MEMBERS:
            return f"key {number} is of type {kind!r}, which the plugin does not know"
        if "d" in key:
            return f"key {number} has 'd', so it is a private key, which would stand in plain text"
        for name, pattern in KEY_MEMBERS[kind].items():
            member = key.get(name)
            if not isinstance(member, str) or not re.fullmatch(pattern, member):
                return f"key {number} of type {kind!r} has no {name!r}, or one that is none"
    return keys


def _secrets_fit(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "envoy":
        return
    for index, consumer in enumerate(stack.gateway.auth.consumers):
        for position, key in enumerate(consumer.keys):
            value = key.get_secret_value()
            if value and not (_HEADER_SAFE.fullmatch(value) and _substitutes(value)):
                yield (
                    f"modelyard:gateway.auth.consumers[{index}].keys[{position}]: the key has a space, a quote, a "
                    f"backslash, {_REFERENCE!r} or a character beyond ASCII, which does not come through a header and "
                    "Higress's own templates unchanged: write one of letters, digits, '-' and '_'"
                )
    for path, secret in _other_secrets(stack.gateway):
        if secret and not _substitutes(secret.get_secret_value()):
            yield (
                f"modelyard:gateway.{path}: it has a quote, a backslash, a control character or {_REFERENCE!r}, which "
                "does not come through Higress's templates unchanged: choose one without"
            )


def _other_secrets(gateway: "HigressGatewaySettings") -> "Iterator[tuple[str, SecretStr | None]]":
    if gateway.redis:
        yield "redis.password", gateway.redis.password
    if gateway.security_guard:
        yield "securityGuard.accessKey", gateway.security_guard.access_key
        yield "securityGuard.secretKey", gateway.security_guard.secret_key


def _substitutes(value: str) -> bool:
    return bool(_TEXT_SAFE.fullmatch(value)) and _REFERENCE not in value


def _no_references(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "envoy":
        return
    read = {
        "gateway": stack.gateway.model_dump(by_alias=True, include={"auth", "cors", "data_masking", "ip_restriction"}),
        "models": [{"servedNames": model.served_names} for model in stack.models],
        "routes": [route.model_dump(by_alias=True) for route in stack.routes],
    }
    for path, text in _texts("", read):
        if _REFERENCE in text:
            yield (
                f"modelyard:{path}: {text!r} holds {_REFERENCE!r}, with which Higress's templates begin a reference to "
                "a Secret: write it without"
            )


def _texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(f"{path}.{key}".removeprefix("."), each)
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _texts(f"{path}[{number}]", each)


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


def _sessions_agree(stack: "StackSettings") -> Iterator[str]:
    taken: dict[str, tuple[int, str]] = {}
    for index, route in enumerate(stack.routes):
        balancing = route.load_balancing
        if balancing is None or balancing.policy != "session":
            continue
        for name in (*(target.model for target in route.targets), *route.fallback):
            first, header = taken.setdefault(name, (index, balancing.session_header))
            if header != balancing.session_header:
                yield (
                    f"modelyard:routes[{index}].loadBalancing.sessionHeader: {balancing.session_header!r}, but "
                    f"routes[{first}] reaches model {name!r} by {header!r}, and Higress balances a model in one way: "
                    "use the same header for both"
                )


def _addresses(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "envoy":
        return
    restriction = stack.gateway.ip_restriction
    if restriction and bool(restriction.allow) == bool(restriction.deny):
        given = "both lists are" if restriction.allow else "neither list is"
        yield (f"modelyard:gateway.ipRestriction: {given} given, and the plugin works by one: write allow, or deny")
    ranges = {"service.sourceRanges": stack.gateway.service.source_ranges}
    if restriction:
        ranges |= {"ipRestriction.allow": restriction.allow, "ipRestriction.deny": restriction.deny}
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


def _masks_something(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "envoy" or stack.gateway.data_masking is None:
        return
    if not stack.gateway.data_masking.masks and not stack.gateway.data_masking.deny_words:
        yield (
            "modelyard:gateway.dataMasking: neither masks nor denyWords is given, so every request would be read for "
            "nothing: write one of them, or leave dataMasking out"
        )


HIGRESS_RULES: tuple[Callable[["StackSettings"], Iterable[str]], ...] = (
    _needs_higress,
    _needs_redis,
    _redis_of_the_chart,
    _hosts_resolve,
    _one_way_to_identify,
    _key_sets,
    _secrets_fit,
    _no_references,
    _quota_administrator,
    _cache_is_shared,
    _sessions_agree,
    _addresses,
    _origins,
    _masks_something,
)
"""The rules, each of which yields sentences as those in ``stacks.rules`` do."""
