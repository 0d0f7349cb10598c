"""The mounted YAML file with settings."""

from pathlib import Path
from typing import Any

import yaml


class SettingsFileError(Exception):
    """The file cannot be used. Its text says where and why, and quotes none of the file's values."""


class _TwiceError(yaml.MarkedYAMLError):
    """A key that stands twice in one mapping, of which YAML readers silently take the last."""


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _TwiceError(problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_settings_file(path: str) -> dict[object, object]:
    """What the file sets. An empty one sets nothing.

    Raises:
        SettingsFileError: when it is not there, or holds no mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise SettingsFileError(f"{path!r} cannot be read ({why}): mount the file there, or correct the path") from None
    try:
        # A subclass of the safe loader.
        found = yaml.load(text, _Loader)  # noqa: S506
    except _TwiceError as error:
        raise SettingsFileError(f"{path}: {_place(error)} has a key that is there already: keep one of them") from None
    # Dates and numbers that do not exist are ValueErrors, mappings within mappings without end are the last.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SettingsFileError(f"{path}: {_place(error)} is no YAML that can be read: correct it") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise SettingsFileError(f"{path}: it has no settings: write a mapping, a line like 'max_model_len: 8192' each")
    return found


def _place(error: Exception) -> str:
    # The parser's own words may quote what is there, which may be a key.
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "what is in it"
