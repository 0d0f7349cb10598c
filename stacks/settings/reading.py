"""Reads settings from plain values, and says in sentences what is wrong with them."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stacks.settings.stack import TAG, StackSettings

NAMESPACE = "modelyard"
"""The configuration namespace: a stack file writes ``modelyard:models``."""


class SettingsError(Exception):
    """A stack file that cannot work. Its text is one line a problem: path, what was given, why, what to write."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def load(raw: Mapping[str, Any]) -> StackSettings:
    """Read a stack's settings from plain values, keyed as in the stack file without ``modelyard:``.

    Raises:
        SettingsError: with one line for every problem found.
    """
    try:
        return StackSettings.model_validate(dict(raw))
    except ValidationError as error:
        raise SettingsError([line for detail in error.errors() for line in _sentences(detail)]) from None


def yaml_path(location: tuple[int | str, ...]) -> str:
    """The place of a value in a stack file, such as ``modelyard:models[0].engine.dtype``."""
    written = [part for part in location if not str(part).startswith(TAG)]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in written)
    return f"{NAMESPACE}:{path.removeprefix('.')}"


def _key(text: str) -> str:
    return text if re.fullmatch(r"[\w./-]+", text) else repr(text)


def _sentences(detail: ErrorDetails) -> list[str]:
    if detail["type"] == "stack_rules":
        return detail["msg"].splitlines()
    path = yaml_path(detail["loc"])
    match detail["type"]:
        case "dns_label" | "model_source" | "no_span" | "gateway_kind":
            return [f"{path}: {detail['msg']}"]
        case "missing":
            return [f"{path}: nothing is given, and there is no default: add it"]
        case "extra_forbidden":
            return [f"{path}: there is no such setting; stacks/schema.json lists them all: correct or remove it"]
        case _:
            return [f"{path}: {_given(detail)} cannot be used: {_lower_first(detail['msg'])}"]


SECRET_PLACES = frozenset(
    {
        "accessKey",
        "access_key",
        "adminPassword",
        "admin_password",
        "auth",
        "huggingFaceToken",
        "hugging_face_token",
        "password",
        "secretKey",
        "secret_key",
    }
)
"""Settings at and below which no value is quoted in a message."""


def _given(detail: ErrorDetails) -> str:
    """What a person wrote, for a message that may be printed: no secret, and no more than a line."""
    value = detail["input"]
    if SECRET_PLACES.intersection(detail["loc"]):
        return "what is given (not shown: it may be a secret)"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return repr(value)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
