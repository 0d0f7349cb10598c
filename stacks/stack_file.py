"""Reads a stack file as it lies there, with neither Pulumi nor the stack's passphrase."""

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from stacks.cluster_outputs import exported
from stacks.config_file import config_of
from stacks.layers import Outputs, merged_config, settings_of
from stacks.settings import NAMESPACE, SettingsError, StackSettings

FOLDER = Path(__file__).parent
"""Where the stack files are."""
PROJECT = "modelyard"
"""The name of the project that they are stacks of, as ``Pulumi.yaml`` says it."""
PLATFORM_OUTPUTS = ("base_url", "models", "routes")
"""What a stack exports that is a whole platform."""
_STAND_IN = "encrypted-value-"


class UnknownStackError(SettingsError):
    """A name that no stack file has."""


class UnknownOutputsError(SettingsError):
    """What a stack builds upon are outputs that no file says, so Pulumi has to be asked."""


def names() -> list[str]:
    """The names of all stacks that have a file, sorted."""
    return sorted(each.stem.removeprefix("Pulumi.") for each in FOLDER.glob("Pulumi.*.yaml") if each.is_file())


def read_named(stack: str, **changes: Mapping[str, Any]) -> StackSettings:
    """The settings of a stack by its name.

    ``changes`` are as those of ``read``.

    Raises:
        SettingsError: when there is no such stack, as ``UnknownStackError``, or its file cannot work.
    """
    return read(_file(stack), **changes)


def stands_in(value: str) -> bool:
    """Whether a value of settings that were read here stands in for an encrypted one."""
    return value.startswith(_STAND_IN)


def whole_named(stack: str) -> dict[str, Any]:
    """The ``config`` of a stack by its name, with all that it builds upon.

    Raises:
        SettingsError: as for ``whole``, and when there is no such stack, as ``UnknownStackError``.
    """
    return whole(_file(stack))


def _file(stack: str) -> Path:
    if stack not in names():
        raise UnknownStackError(
            [
                f"{stack!r} is no stack: there is no file Pulumi.{stack}.yaml in stacks: write one of "
                f"{', '.join(names())}"
            ]
        )
    return FOLDER / f"Pulumi.{stack}.yaml"


def read(file: Path, **changes: Mapping[str, Any]) -> StackSettings:
    """The settings of a stack file, with something else in place of its encrypted values.

    ``changes`` are laid over its mappings, by their names.

    Raises:
        SettingsError: when the file cannot work.
    """
    return _read(file, changes, ())


def whole(file: Path) -> dict[str, Any]:
    """The ``config`` of a stack file with all that it builds upon, and as it is written: encrypted values stay so.

    Raises:
        SettingsError: what it builds upon is not there, or can't be laid under it.
    """
    return merged_config(config_of(file), file.name, _outputs((_name(file),)))


def _read(file: Path, changes: Mapping[str, Mapping[str, Any]], above: tuple[str, ...]) -> StackSettings:
    config = _readable(config_of(file), count(1))
    for name, values in changes.items():
        given = config.get(f"{NAMESPACE}:{name}", {})
        # What is no mapping is refused as it stands.
        if isinstance(given, Mapping):
            config[f"{NAMESPACE}:{name}"] = {**given, **values}
    return settings_of(config, file.name, _outputs((*above, _name(file))))


def _name(file: Path) -> str:
    return file.stem.removeprefix("Pulumi.")


def _outputs(above: tuple[str, ...]) -> Outputs:
    """What stands in for the outputs of other stacks: what those of this project export by their files.

    Args:
        above: the stacks that lead there, none of which can be referred to again.
    """

    def outputs(stack: str) -> Mapping[str, Any]:
        _, project, name = stack.split("/")
        if project != PROJECT or name not in names():
            raise UnknownOutputsError(
                [
                    f"{NAMESPACE}:cluster.stackReference: the outputs of {stack!r} are known to Pulumi alone, and this "
                    "command reads files: look at what `pulumi preview` says, or write here what it exports, which "
                    f"`pulumi stack output --stack {stack} --json` shows"
                ]
            )
        if name in above:
            raise SettingsError(
                [
                    f"{NAMESPACE}:cluster.stackReference: {stack!r} builds upon this stack itself, so neither could be "
                    "made first: name a stack of part cluster"
                ]
            )
        referred = _read(FOLDER / f"Pulumi.{name}.yaml", {}, above)
        return exported(referred) if referred.part == "cluster" else dict.fromkeys(PLATFORM_OUTPUTS)

    return outputs


def _readable(value: Any, numbers: Iterator[int]) -> Any:
    if isinstance(value, list):
        return [_readable(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"secure"}:
        # All different, and strong: the rules about secrets are for the real ones.
        return f"{_STAND_IN}{next(numbers)}"
    return {key: _readable(item, numbers) for key, item in value.items()}
