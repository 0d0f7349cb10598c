"""A change of a stack file as a patch: the weights of a route, with everything else as somebody has written it."""

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

WITHOUT_END = "\\ No newline at end of file"
"""What follows the last line of a file in a diff, where no line feed ends it."""


def patch_of(file: Path, route: str, headers: Mapping[str, str], weights: Sequence[int]) -> str:
    """A unified diff, as ``git apply`` takes it, that writes these weights into a route's upstreams.

    Args:
        file: the stack's file, in the folder ``stacks``.
        route: the route's ``model``.
        headers: its headers.
        weights: one for each upstream, in their order.

    Returns:
        The diff, or nothing where the file says so already, or does not spell out these weights at the route: that
        stands in a file that it extends, a weight is left out, or another place refers to it.
    """
    # Every character as it is there, ends of lines too, or no diff would fit.
    text = file.read_bytes().decode("utf-8")
    places = _weights(text, route, headers)
    if len(places) != len(weights):
        return ""
    changed = text
    # From the last to the first, so that the places ahead stay where they are.
    for place, weight in sorted(zip(places, weights, strict=True), key=lambda each: -each[0].start_mark.index):
        changed = f"{changed[: place.start_mark.index]}{weight}{changed[place.end_mark.index :]}"
    name = f"{file.parent.name}/{file.name}"
    lines = difflib.unified_diff(_lines(text), _lines(changed), f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n{WITHOUT_END}\n" for line in lines)


def _lines(text: str) -> list[str]:
    """The lines as ``git`` counts them: a line feed ends one, and nothing else does."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _weights(text: str, route: str, headers: Mapping[str, str]) -> list[ScalarNode]:
    """Where the weights of the route's upstreams stand in the text."""
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    entries = _entries(_at(_at(document, "config"), "modelyard:routes"))
    # An alias is the very node that it stands for.
    times = Counter(id(weight) for entry in entries for weight in _weights_of(entry))
    for entry in entries:
        name = _at(entry, "model")
        if isinstance(name, ScalarNode) and name.value == route and _texts(_at(entry, "headers")) == dict(headers):
            return [weight for weight in _weights_of(entry) if times[id(weight)] == 1 and _within(weight, entry)]
    return []


def _weights_of(entry: Node) -> list[ScalarNode]:
    found = [_at(upstream, "weight") for upstream in _entries(_at(entry, "upstreams"))]
    return [each for each in found if isinstance(each, ScalarNode)]


def _at(node: Node | None, key: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _entries(node: Node | None) -> list[Node]:
    return list(node.value) if isinstance(node, SequenceNode) else []


def _texts(node: Node | None) -> dict[str, str]:
    return {name.value: value.value for name, value in node.value} if isinstance(node, MappingNode) else {}


def _within(inner: Node, outer: Node) -> bool:
    """Whether a node is written in another one, and is no alias of what stands elsewhere."""
    return bool(outer.start_mark.index <= inner.start_mark.index and inner.end_mark.index <= outer.end_mark.index)
