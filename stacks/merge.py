"""Lays configuration over configuration, as Kubernetes does with a patch, and keeps whence each value came."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stacks.settings import SettingsError, yaml_path

PATCH = "$patch"
"""What says how an entry is laid over the one below, in the words of Kubernetes' strategic merge patch."""
DELETE, REPLACE = "delete", "replace"

NAMED_BY: Mapping[tuple[str, ...], str] = {
    ("pools",): "name",
    ("models",): "name",
    ("models", "lora", "adapters"): "name",
    ("serving", "hostPaths"): "name",
    ("routes",): "model",
    ("gateway", "auth", "consumers"): "name",
}
"""Lists whose entries are found by a key of theirs, with that key. Any other list is taken as a whole: its order says
something, such as that of fallbacks, or its entries belong together, such as the shares of a canary."""

Path = tuple[int | str, ...]


@dataclass(frozen=True)
class Node:
    """A value with the place that it was written at."""

    value: Any
    """A mapping or a list of nodes, or a plain value."""
    source: str
    """The file, or whatever else it was written in, as a sentence names it."""
    path: Path
    """Its place there."""


def tree(value: Any, source: str, path: Path = ()) -> Node:
    """A value of a source as nodes."""
    if isinstance(value, Mapping):
        return Node({key: tree(below, source, (*path, key)) for key, below in value.items()}, source, path)
    if isinstance(value, list | tuple):
        return Node([tree(below, source, (*path, index)) for index, below in enumerate(value)], source, path)
    return Node(value, source, path)


def plain(node: Node) -> Any:
    """The value of nodes, without their places."""
    match node.value:
        case dict():
            return {key: plain(below) for key, below in node.value.items()}
        case list():
            return [plain(below) for below in node.value]
        case _:
            return node.value


def laid_over(below: Node, above: Node) -> Node:
    """One value over another.

    Mappings are merged down to their leaves, and so are entries of the same name in the lists of ``NAMED_BY``: those of
    ``below`` keep their order, and further ones come behind them. Whatever else ``above`` says counts alone.
    ``$patch: replace`` in a mapping, or as an entry of a list, has it count alone, and ``$patch: delete`` takes the
    entry of that name out.

    Raises:
        SettingsError: an entry of a list has no name to be found by, or one that is to go is not there.
    """
    problems: list[str] = []
    merged = _merged(below, above, (), problems)
    if problems:
        raise SettingsError(problems)
    return merged


def places(node: Node, at: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every node with its place in the whole."""
    yield at, node
    match node.value:
        case dict():
            for key, below in node.value.items():
                yield from places(below, (*at, key))
        case list():
            for index, below in enumerate(node.value):
                yield from places(below, (*at, index))


def located(problems: Sequence[str], whole: Node) -> list[str]:
    """The problems of a whole, each with the source and the place there that its value was written at."""
    written = {yaml_path(at): node for at, node in places(whole) if at}
    return [_located(problem, written) for problem in problems]


def _located(problem: str, written: Mapping[str, Node]) -> str:
    found = [path for path in written if problem.startswith(path) and problem[len(path) :][:1] in (":", ".", "[", "")]
    if not found:
        return problem
    longest = max(found, key=len)
    node = written[longest]
    return f"{node.source}, {yaml_path(node.path)}{problem.removeprefix(longest)}"


def _merged(below: Node, above: Node, at: tuple[str, ...], problems: list[str]) -> Node:
    if isinstance(below.value, dict) and isinstance(above.value, dict):
        return _mappings(below, above, at, problems)
    if isinstance(below.value, list) and isinstance(above.value, list) and at in NAMED_BY:
        return _lists(below, above, at, problems)
    return above


def _mappings(below: Node, above: Node, at: tuple[str, ...], problems: list[str]) -> Node:
    own = dict(above.value)
    if _patch(above) == REPLACE:
        del own[PATCH]
        return Node(own, above.source, above.path)
    both = {
        key: _merged(below.value[key], value, (*at, key), problems) if key in below.value else value
        for key, value in own.items()
    }
    return Node({**below.value, **both}, above.source, above.path)


def _lists(below: Node, above: Node, at: tuple[str, ...], problems: list[str]) -> Node:
    key = NAMED_BY[at]
    own = [entry for entry in above.value if not _replaces_all(entry)]
    if len(own) < len(above.value):
        return Node(own, above.source, above.path)
    entries = list(below.value)
    places_below = {name: index for index, entry in enumerate(entries) if (name := _name(entry, key)) is not None}
    gone: set[int] = set()
    for entry in own:
        name = _name(entry, key)
        if name is None:
            problems.append(_nameless(entry, below, key))
            continue
        # Found once: a second entry of that name is one too many, which a rule says.
        index = places_below.pop(name, None)
        if _patch(entry) == DELETE:
            if index is None:
                problems.append(_not_there(entry, below, key, name))
            else:
                gone.add(index)
        elif index is None:
            entries.append(entry)
        else:
            entries[index] = _merged(entries[index], entry, at, problems)
    return Node([entry for index, entry in enumerate(entries) if index not in gone], above.source, above.path)


def _patch(node: Node) -> Any:
    said = node.value.get(PATCH) if isinstance(node.value, dict) else None
    return said.value if said else None


def _replaces_all(entry: Node) -> bool:
    return _patch(entry) == REPLACE and len(entry.value) == 1


def _name(entry: Node, key: str) -> str | None:
    said = entry.value.get(key) if isinstance(entry.value, dict) else None
    return said.value if said and isinstance(said.value, str) else None


def _nameless(entry: Node, below: Node, key: str) -> str:
    return (
        f"{entry.source}, {yaml_path(entry.path)}: it has no {key!r}, by which it would be found among those of "
        f"{below.source}: add one, or write `- {PATCH}: {REPLACE}` as an entry of the list, which then counts alone"
    )


def _not_there(entry: Node, below: Node, key: str, name: str) -> str:
    known = [found for each in below.value if (found := _name(each, key))]
    named = " or ".join(map(repr, known)) or "none at all"
    return (
        f"{entry.source}, {yaml_path(entry.path)}: {name!r} is to be left out, and {below.source} has {named} here: "
        "correct or remove it"
    )
