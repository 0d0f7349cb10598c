"""Reads a stack file as it lies there, with neither Pulumi nor the stack's passphrase."""

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from stacks.settings import NAMESPACE, SettingsError, StackSettings, load_config

FOLDER = Path(__file__).parent
"""Where the stack files are."""


class UnknownStackError(SettingsError):
    """A name that no stack file has."""


def names() -> list[str]:
    """The names of all stacks that have a file, sorted."""
    return sorted(each.stem.removeprefix("Pulumi.") for each in FOLDER.glob("Pulumi.*.yaml") if each.is_file())


def read_named(stack: str, **changes: Mapping[str, Any]) -> StackSettings:
    """The settings of a stack by its name.

    ``changes`` are as those of ``read``.

    Raises:
        SettingsError: when there is no such stack, as ``UnknownStackError``, or its file cannot work.
    """
    if stack not in names():
        raise UnknownStackError(
            [
                f"{stack!r} is no stack: there is no file Pulumi.{stack}.yaml in stacks: write one of "
                f"{', '.join(names())}"
            ]
        )
    return read(FOLDER / f"Pulumi.{stack}.yaml", **changes)


def read(file: Path, **changes: Mapping[str, Any]) -> StackSettings:
    """The settings of a stack file, with something else in place of its encrypted values.

    ``changes`` are laid over its mappings, by their names.

    Raises:
        SettingsError: when the file cannot work.
    """
    numbers = count(1)
    config = {key: _readable(value, numbers) for key, value in _config(file).items()}
    for name, values in changes.items():
        given = config.get(f"{NAMESPACE}:{name}", {})
        # What is no mapping is refused as it stands.
        if isinstance(given, Mapping):
            config[f"{NAMESPACE}:{name}"] = {**given, **values}
    return load_config(config)


def _config(file: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise SettingsError([f"{file.name}: it is no text in UTF-8: save it as such"]) from None
    except yaml.YAMLError as error:
        raise SettingsError([f"{file.name}: it is no YAML: {_first_fault(error)}: correct it there"]) from None
    content = _mapping(file.name, found)
    if stray := [key for key in content if str(key).startswith(f"{NAMESPACE}:")]:
        raise SettingsError(
            [f"{file.name}, {key}: it stands beside `config:`, where nothing reads it: write it below" for key in stray]
        )
    config = _mapping(f"{file.name}, config", content.get("config"))
    return {str(key): value for key, value in config.items()}


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


def _readable(value: Any, numbers: Iterator[int]) -> Any:
    if isinstance(value, list):
        return [_readable(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"secure"}:
        # All different, and strong: the rules about secrets are for the real ones.
        return f"encrypted-value-{next(numbers)}"
    return {key: _readable(item, numbers) for key, item in value.items()}
