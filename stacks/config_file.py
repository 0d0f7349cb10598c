"""Reads the configuration out of a stack file, or out of a base, as it lies there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stacks.settings import NAMESPACE, SettingsError


def config_of(file: Path, name: str | None = None) -> dict[str, Any]:
    """What a file says below ``config``.

    Args:
        file: the file.
        name: what sentences call it. Default: its own name.

    Raises:
        SettingsError: it is no such file.
    """
    name = name or file.name
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise SettingsError([f"{name}: it is no text in UTF-8: save it as such"]) from None
    except yaml.YAMLError as error:
        raise SettingsError([f"{name}: it is no YAML: {_first_fault(error)}: correct it there"]) from None
    except ValueError as error:
        # Such as a month 13, or a number of thousands of digits.
        raise SettingsError([f"{name}: a date or number in it cannot be ({error}): correct it, or quote it"]) from None
    _refuse_what_never_ends(name, found)
    content = _mapping(name, found)
    if stray := [key for key in content if str(key).startswith(f"{NAMESPACE}:")]:
        raise SettingsError(
            [f"{name}, {key}: it stands beside `config:`, where nothing reads it: write it below" for key in stray]
        )
    config = _mapping(f"{name}, config", content.get("config"))
    return {str(key): value for key, value in config.items()}


def _refuse_what_never_ends(name: str, found: Any) -> None:
    try:
        json.dumps(found, default=str, skipkeys=True)
    except (ValueError, RecursionError):
        raise SettingsError(
            [f"{name}: an alias stands within its own anchor, so the value never ends: remove the alias"]
        ) from None


def _mapping(place: str, value: Any) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SettingsError(
            [f"{place}: {value!r} stands where a mapping belongs: write `config:`, and below it keys with their values"]
        )
    return value


def _first_fault(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"{error.problem} in line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(error).split())
