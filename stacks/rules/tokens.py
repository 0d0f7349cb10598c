"""Rules about JSON Web Tokens."""

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stacks.rules.rule import Rule

if TYPE_CHECKING:
    from stacks.settings import StackSettings

_BASE64 = "[A-Za-z0-9_-]+"
KEY_MEMBERS = {
    "RSA": {"n": _BASE64, "e": _BASE64},
    "EC": {"crv": "P-(256|384|521)", "x": _BASE64, "y": _BASE64},
    "OKP": {"crv": "Ed25519", "x": _BASE64},
}
"""What a public key of each type consists of, as patterns of its members (RFC 7518, RFC 8037)."""


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


TOKEN_RULES: tuple[Rule, ...] = (_key_sets,)
