"""Reads settings from plain values, and says in sentences what is wrong with them."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stacks.settings.base import Settings
from stacks.settings.gpu_software import GPU_SOFTWARE_KINDS
from stacks.settings.kinds import TAG
from stacks.settings.misnamed import setting_meant
from stacks.settings.pools import POOL_ADAPTERS
from stacks.settings.stack import GATEWAY_KINDS, StackSettings
from stacks.settings.weights import CACHE_KINDS

NAMESPACE = "modelyard"
"""The configuration namespace: a stack file writes ``modelyard:models``."""

KINDS: dict[str, tuple[str, Mapping[str, type[Settings]]]] = {
    "gateway": ("a gateway", GATEWAY_KINDS),
    "cache": ("a cache", CACHE_KINDS),
    "gpuSoftware": ("GPU software", GPU_SOFTWARE_KINDS),
}
"""What comes in several kinds, by its key: its name in a sentence, and what can be said of each of them."""

KEY = "[key]"
"""What pydantic puts behind the place of a key that is wrong itself."""


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
        # A default that follows from other values is missing where one of these is wrong, which is said already.
        found = [detail for detail in error.errors() if detail["type"] != "default_factory_not_called"]
        raise SettingsError([line for detail in found for line in _sentences(detail)]) from None


def load_config(config: Mapping[str, Any]) -> StackSettings:
    """Read a stack's settings from the ``config`` of its file, whose other namespaces are left alone.

    A key without a namespace is of the project's, as Pulumi takes it.

    Raises:
        SettingsError: with one line for every problem found.
    """
    return load(own_keys(config))


def own_keys(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the ``config`` of a stack file says of this program, by its keys without a namespace."""
    prefix = f"{NAMESPACE}:"
    return {
        key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix) or ":" not in key
    }


def yaml_path(location: tuple[int | str, ...]) -> str:
    """The place of a value in a stack file, such as ``modelyard:models[0].engine.dtype``."""
    places = location[:-1] if location[-1:] == (KEY,) else location
    written = [part for part in places if not str(part).startswith(TAG)]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in written)
    return f"{NAMESPACE}:{path.removeprefix('.')}"


def _key(text: str) -> str:
    return text if re.fullmatch(r"[\w./-]+", text) else repr(text)


def _sentences(detail: ErrorDetails) -> list[str]:
    if detail["type"] == "stack_rules":
        return detail["msg"].splitlines()
    path = yaml_path(detail["loc"])
    match detail["type"]:
        case "dns_label" | "no_span":
            return [f"{path}: {detail['msg']}"]
        case "refused":
            return [f"{path}: {_given(detail)} {detail['msg']}"]
        case "no_such_kind":
            about = detail["ctx"]
            kind = _shown(detail["input"][about["key"]])
            return [f"{path}.{about['key']}: {kind} is no {about['key']} of {about['noun']}: write {about['known']}"]
        case "model_type" | "dict_type":
            return [f"{path}: {_given(detail)} stands where a mapping belongs: write keys with their values below it"]
        case "tuple_type":
            return [f"{path}: {_given(detail)} stands where a list belongs: write its entries below it, after '-'"]
        case "string_type":
            return [f"{path}: {_given(detail)} stands where a text belongs: write one, in quotes if need be"]
        case "missing":
            return [f"{path}: nothing is given, and there is no default: add it"]
        case "extra_forbidden":
            return [f"{path}: {_unknown(detail['loc'])}"]
        case _:
            return [f"{path}: {_given(detail)} cannot be used: {_lower_first(detail['msg'])}"]


def _unknown(location: tuple[int | str, ...]) -> str:
    match location:
        case ("pools", _, str(tag), str(name)) | ("pools", _, str(tag), "flavors", _, str(name)) if (
            others := _adapters_with(name)
        ):
            return (
                f"a node pool of adapter {tag.removeprefix(TAG)!r} has no such setting, and one of "
                f"{' or '.join(map(repr, others))} has: remove it"
            )
        case (*_, str(key), str(tag), str(name)) if others := _kinds_with(key, name):
            thing, kind, other = KINDS[key][0], tag.removeprefix(TAG), others[0]
            return (
                f"{thing} of kind {kind!r} has no such setting, and one of kind {other!r} has: write kind: {other}, "
                "or remove the setting"
            )
        case (*places, str(name)):
            way = f"write {meant}, or remove it" if (meant := setting_meant(places, name)) else "correct or remove it"
            return f"there is no such setting here; stacks/schema.json lists them all: {way}"
        case _:
            raise ValueError(f"a setting has a name: {location}")


def _adapters_with(name: str) -> list[str]:
    """The adapters of node pools that have a setting of that name."""
    return [
        adapter
        for adapter, settings in POOL_ADAPTERS.items()
        if any(name == field.alias for field in settings.model_fields.values())
    ]


def _kinds_with(key: str, name: str) -> list[str]:
    """The kinds of what stands under a key that have a setting of that name."""
    if key not in KINDS:
        return []
    return [
        kind
        for kind, settings in KINDS[key][1].items()
        if any(name == field.alias for field in settings.model_fields.values())
    ]


SECRET_PLACES = frozenset(
    {
        "accessKey",
        "access_key",
        "adminPassword",
        "admin_password",
        "auth",
        "huggingFaceToken",
        "hugging_face_token",
        "kubeconfigContents",
        "kubeconfig_contents",
        "password",
        "secretKey",
        "secret_key",
    }
)
"""Settings at and below which no value is quoted in a message."""

AROUND_SECRETS = frozenset({"cluster", "console", "redis", "securityGuard", "security_guard"})
"""Settings with a secret below them: a text in place of one of them may be that secret."""


def _given(detail: ErrorDetails) -> str:
    """What a person wrote, for a message that may be printed: no secret, and no more than a line."""
    value, places = detail["input"], detail["loc"]
    if SECRET_PLACES.intersection(places) or (isinstance(value, str) and AROUND_SECRETS.intersection(places[-1:])):
        return "what is given (not shown: it may be a secret)"
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        # Of a whole setting that was meant as JSON, such as a gateway with its keys.
        return "a text (not shown: it begins as JSON does, and may hold a secret)"
    return _shown(value)


def _shown(value: Any) -> str:
    if value is None:
        return "an empty value"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return repr(value)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
