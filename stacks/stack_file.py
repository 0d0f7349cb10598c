"""Reads a stack file as it lies there, with neither Pulumi nor the stack's passphrase."""

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from stacks.cluster_outputs import exported
from stacks.config_file import config_of
from stacks.config_values import TEXTS
from stacks.layers import Outputs, merged_config, settings_of
from stacks.settings import NAMESPACE, SettingsError, StackSettings, own_keys

FOLDER = Path(__file__).parent
"""Where the stack files are."""
PROJECT = "modelyard"
"""The name of the project that they are stacks of, as ``Pulumi.yaml`` says it."""
PLATFORM_OUTPUTS = ("base_url", "models", "routes")
"""What a stack exports that is a whole platform."""
_STAND_IN = "encrypted-value-"


class UnknownStackError(SettingsError):
    """A name that no stack file has."""


class UnknownValuesError(SettingsError):
    """What a stack says stands in no file that can be read here, so Pulumi has to be asked.

    Args:
        problem: the sentence for who cannot ask it.
        unknown: what it is, as the end of a sentence.
    """

    def __init__(self, problem: str, unknown: str) -> None:
        self.unknown = unknown
        super().__init__([problem])


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


def model_names(stack: str) -> list[str]:
    """The names of a stack's models, as far as files spell them, whether it can work or not.

    Raises:
        SettingsError: when there is no such stack, or what it extends is not there.
    """
    return _texts(_spelled(stack).get("models"), "name")


def route_names(stack: str) -> list[str]:
    """The names that clients of a stack may ask for, as far as files spell them, whether it can work or not.

    Raises:
        SettingsError: as for ``model_names``.
    """
    config = _spelled(stack)
    if routes := _texts(config.get("routes"), "model"):
        return routes
    found = []
    for model in _mappings(config.get("models")):
        lora = model.get("lora")
        adapters = _texts(lora.get("adapters"), "name") if isinstance(lora, Mapping) else []
        found += [*_texts([model], "name"), *adapters]
    return found


def _spelled(stack: str) -> dict[str, Any]:
    file = _file(stack)
    return own_keys(merged_config(config_of(file), file.name, lambda _: {"namespace": ""}))


def _texts(entries: Any, key: str) -> list[str]:
    return [str(each[key]) for each in _mappings(entries) if isinstance(each.get(key), str)]


def _mappings(entries: Any) -> list[Mapping[str, Any]]:
    return [each for each in entries if isinstance(each, Mapping)] if isinstance(entries, list) else []


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
    written = config_of(file)
    _refuse_what_is_encrypted_as_a_whole(written)
    config = _readable(written, count(1))
    for name, values in changes.items():
        given = config.get(f"{NAMESPACE}:{name}", {})
        # What is no mapping is refused as it stands.
        if isinstance(given, Mapping):
            config[f"{NAMESPACE}:{name}"] = {**given, **values}
    return settings_of(config, file.name, _outputs((*above, _name(file))))


def _refuse_what_is_encrypted_as_a_whole(config: Mapping[str, Any]) -> None:
    for key, value in own_keys(config).items():
        if _is_encrypted(value) and key not in TEXTS:
            raise UnknownValuesError(
                f"{NAMESPACE}:{key}: it is encrypted as a whole, so Pulumi alone knows what it says, and this command "
                "reads files: look at what `pulumi preview` says, or write it here and encrypt its secrets alone, by "
                f"`pulumi config set --secret --path '{NAMESPACE}:{key}...'`",
                f"{NAMESPACE}:{key}, which is encrypted as a whole",
            )


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
            raise UnknownValuesError(
                f"{NAMESPACE}:cluster.stackReference: the outputs of {stack!r} are known to Pulumi alone, and this "
                "command reads files: look at what `pulumi preview` says, or write here what it exports, which "
                f"`pulumi stack output --stack {stack} --json` shows",
                f"the outputs of {stack!r}",
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
    if _is_encrypted(value):
        # All different, and strong: the rules about secrets are for the real ones.
        return f"{_STAND_IN}{next(numbers)}"
    return {key: _readable(item, numbers) for key, item in value.items()}


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"secure"}
