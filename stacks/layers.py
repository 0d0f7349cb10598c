"""A stack's settings out of its own configuration and of what it builds upon: bases, and another stack's outputs."""

import re
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from stacks.cluster_outputs import configuration
from stacks.config_file import config_of
from stacks.merge import Node, laid_over, located, plain, tree
from stacks.settings import NAMESPACE, SettingsError, StackSettings, load, own_keys
from stacks.settings.cluster import STACK_NAME

BASES = Path(__file__).with_name("bases")
"""Where the files are that stacks extend."""
EXTENDS = "extends"
"""The key that names them."""

Outputs = Callable[[str], Mapping[str, Any]]
"""Reads the outputs of another stack by its full name."""


def settings_of(config: Mapping[str, Any], file: str, outputs: Outputs) -> StackSettings:
    """The settings of a stack.

    What the stack says itself counts more than its bases, and these more than the outputs of the stack that
    ``cluster.stackReference`` names.

    Args:
        config: the stack's own configuration, as below ``config`` of its file.
        file: what sentences call that file.
        outputs: reads another stack's outputs.

    Raises:
        SettingsError: with one line for every problem found. In a stack that builds upon something, each line names
            the file that the value was written in.
    """
    whole = _whole(config, file, outputs)
    values = plain(whole)
    try:
        return load(values)
    except SettingsError as error:
        if all(node.source == file for node in whole.value.values()):
            raise
        raise SettingsError(located(error.problems, whole)) from None


def merged_config(config: Mapping[str, Any], file: str, outputs: Outputs) -> dict[str, Any]:
    """A stack's configuration with all that it builds upon, as one file without bases would say it.

    Raises:
        SettingsError: what it builds upon is not there, or can't be laid under it.
    """
    values: dict[str, Any] = plain(_whole(config, file, outputs))
    values.pop(EXTENDS, None)
    foreign = {key: value for key, value in config.items() if key.removeprefix(f"{NAMESPACE}:") not in own_keys(config)}
    return {**foreign, **{f"{NAMESPACE}:{key}": value for key, value in values.items()}}


def _whole(config: Mapping[str, Any], file: str, outputs: Outputs) -> Node:
    own = tree(own_keys(config), file)
    layers = [*_bases(own, ()), own]
    values = plain(reduce(laid_over, [_naming(layer) for layer in layers]))
    other = _at(values, "cluster", "stackReference")
    # What is no name is refused by its field.
    if isinstance(other, str) and re.fullmatch(STACK_NAME, other):
        exported = configuration(other, outputs(other), _at(values, "gateway", "kind"))
        layers.insert(0, tree(exported, f"outputs of {other}"))
    return reduce(laid_over, layers)


def _naming(layer: Node) -> Node:
    """What says which outputs lie below a layer: all else can be laid only over these."""
    return Node({key: layer.value[key] for key in ("cluster", "gateway") if key in layer.value}, layer.source, ())


def _at(values: Any, *keys: str) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _bases(upper: Node, chain: tuple[str, ...]) -> list[Node]:
    """What a file extends, the lowest first. What two of them extend stands once, below both."""
    layers: dict[str, Node] = {}
    for name, place in _extended(upper):
        if name in chain:
            circle = " -> ".join((*chain[chain.index(name) :], name))
            raise SettingsError(
                [f"{place}: {name!r} extends this file itself ({circle}), so neither can be the lower one: remove it"]
            )
        base = _base(name, place)
        for layer in (*_bases(base, (*chain, name)), base):
            layers.setdefault(layer.source, layer)
    return list(layers.values())


def _extended(node: Node) -> list[tuple[str, str]]:
    """The names that a file extends, each with its place for a sentence."""
    said = node.value.get(EXTENDS)
    if said is None:
        return []
    entries = said.value if isinstance(said.value, list) else [said]
    found = []
    for index, entry in enumerate(entries):
        place = f"{node.source}, {NAMESPACE}:{EXTENDS}" + (f"[{index}]" if isinstance(said.value, list) else "")
        if not isinstance(entry.value, str):
            raise SettingsError([f"{place}: {plain(entry)!r} is no name of a base: write one of {_known()}"])
        found.append((entry.value, place))
    return found


def _base(name: str, place: str) -> Node:
    file = BASES / f"{name}.yaml"
    if file.parent != BASES or not file.is_file():
        raise SettingsError(
            [f"{place}: {name!r} is no base: there is no file {name}.yaml in stacks/bases: write one of {_known()}"]
        )
    source = f"bases/{file.name}"
    config = config_of(file, source)
    problems = [*_foreign(config, source), *_secrets(config, source)]
    if problems:
        raise SettingsError(problems)
    return tree(own_keys(config), source)


def _known() -> str:
    return ", ".join(sorted(file.stem for file in BASES.glob("*.yaml"))) or "those that you make there first"


def _foreign(config: Mapping[str, Any], source: str) -> list[str]:
    own = own_keys(config)
    return [
        f"{source}, {key}: Pulumi and its providers read the stack's own file and no base: write it there"
        for key in config
        if key.removeprefix(f"{NAMESPACE}:") not in own
    ]


def _secrets(value: Any, source: str, path: str = "") -> list[str]:
    if isinstance(value, list):
        return [found for index, each in enumerate(value) for found in _secrets(each, source, f"{path}[{index}]")]
    if not isinstance(value, Mapping):
        return []
    if value.keys() == {"secure"}:
        return [
            f"{source}, {path}: an encrypted value, which can be read by the stack alone that it was encrypted for: "
            f"remove it, and run `pulumi config set --secret --path '{path}'` in each stack that needs it"
        ]
    return [
        found for key, each in value.items() for found in _secrets(each, source, f"{path}.{key}" if path else str(key))
    ]
