"""Rules about texts that Higress's templates would change."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stacks.rules.callers import consumer_keys
from stacks.rules.rule import Rule

if TYPE_CHECKING:
    from pydantic import SecretStr

    from stacks.settings import HigressGatewaySettings, StackSettings

_HEADER_SAFE = re.compile(r"[!-~]+")
_TEXT_SAFE = re.compile(r"[^\x00-\x1f\"\\\x7f]*")
_REFERENCE = "${"


def _secrets_fit(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "envoy":
        return
    for path, value in consumer_keys(stack):
        if value and not (_HEADER_SAFE.fullmatch(value) and _substitutes(value)):
            yield (
                f"{path}: the key has a space, a quote, a backslash, {_REFERENCE!r} or a character beyond ASCII, which "
                "does not come through a header and Higress's own templates unchanged: write one of letters, digits, "
                "'-' and '_'"
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


TEMPLATE_RULES: tuple[Rule, ...] = (
    _secrets_fit,
    _no_references,
)
