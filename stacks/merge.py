"""Lays configuration over configuration, as Kubernetes does with a patch, and keeps whence each value came."""

from collections.abc import Container, Iterator, Mapping, Sequence
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
HEADERS = "headers"
"""What belongs to the name of an entry beside that key, where it has it: routes of a model differ by their headers."""

Path = tuple[int | str, ...]
Name = tuple[str, ...]
"""By what an entry is found: its key's value, and its headers."""


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


def joined(lower: Node, upper: Node) -> Node:
    """Two layers as one that, laid over a third, comes to the same as one after the other.

    So what ``$patch`` says of the third stays in it.

    Raises:
        SettingsError: as ``laid_over``, where the lower layer leaves nothing of the third.
    """
    problems: list[str] = []
    both = _joined(lower, upper, (), problems)
    if problems:
        raise SettingsError(problems)
    return both


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
    if type(below.value) is not type(above.value):
        below = _nothing_for(above, below)
    if isinstance(above.value, dict):
        return _mappings(below, above, at, problems)
    if isinstance(above.value, list) and at in NAMED_BY:
        return _lists(below, above, at, problems)
    return above


def _mappings(below: Node, above: Node, at: tuple[str, ...], problems: list[str]) -> Node:
    own = dict(above.value)
    if _patch(above) == REPLACE:
        del own[PATCH]
        below = _nothing_for(above, below)
    both = {
        key: _merged(below.value.get(key) or _nothing_for(value, below), value, (*at, key), problems)
        for key, value in own.items()
    }
    return Node({**below.value, **both}, above.source, above.path)


def _nothing_for(above: Node, below: Node) -> Node:
    """What a value is laid over where there is none: so its words of how to lay it go too."""
    empty: Any = {} if isinstance(above.value, dict) else [] if isinstance(above.value, list) else None
    return Node(empty, below.source, below.path)


def _lists(below: Node, above: Node, at: tuple[str, ...], problems: list[str]) -> Node:
    key = NAMED_BY[at]
    own = [entry for entry in above.value if not _replaces_all(entry)]
    if len(own) < len(above.value):
        below = _nothing_for(above, below)
    entries = list(below.value)
    places_below = _places(entries, key)
    gone: set[int] = set()
    for entry in own:
        name = _name(entry, key)
        if name is None:
            # Where there is nothing below, the field says what the entry lacks.
            if below.value:
                problems.append(_nameless(entry, below, key))
            else:
                entries.append(entry)
            continue
        if _patch(entry) == DELETE:
            # It may stand in the same list, where this is two layers as one.
            index = _places(entries, key, without=gone).get(name)
            places_below.pop(name, None)
            if index is None:
                problems.append(_not_there(entry, below, key, name))
            else:
                gone.add(index)
            continue
        # Found once: a second entry of that name is one too many, which a rule says.
        index = places_below.pop(name, None)
        if index is None:
            entries.append(_merged(_nothing_for(entry, below), entry, at, problems))
        else:
            entries[index] = _merged(entries[index], entry, at, problems)
    return Node([entry for index, entry in enumerate(entries) if index not in gone], above.source, above.path)


def _joined(lower: Node, upper: Node, at: tuple[str, ...], problems: list[str]) -> Node:
    if isinstance(upper.value, dict):
        return _joined_mappings(lower, upper, at, problems)
    if isinstance(upper.value, list) and at in NAMED_BY:
        return _joined_lists(lower, upper, at, problems)
    return upper


def _joined_mappings(lower: Node, upper: Node, at: tuple[str, ...], problems: list[str]) -> Node:
    if _patch(upper) == REPLACE:
        return upper
    if not isinstance(lower.value, dict):
        # The third counts no more: the lower one says something else than a mapping.
        return Node({**_replacing(upper).value, **upper.value}, upper.source, upper.path)
    if _patch(lower) == REPLACE:
        return _mappings(lower, upper, at, problems)
    both = {
        key: _joined(lower.value[key], value, (*at, key), problems) if key in lower.value else value
        for key, value in upper.value.items()
    }
    return Node({**lower.value, **both}, upper.source, upper.path)


def _joined_lists(lower: Node, upper: Node, at: tuple[str, ...], problems: list[str]) -> Node:
    if any(_replaces_all(entry) for entry in upper.value):
        return upper
    if not isinstance(lower.value, list):
        return Node([_replacing(upper), *upper.value], upper.source, upper.path)
    if marks := [entry for entry in lower.value if _replaces_all(entry)]:
        rest = [entry for entry in lower.value if not _replaces_all(entry)]
        alone = _lists(Node(rest, lower.source, lower.path), upper, at, problems)
        return Node([*marks, *alone.value], upper.source, upper.path)
    key = NAMED_BY[at]
    entries = list(lower.value)
    places_below = _places(entries, key)
    for entry in upper.value:
        name = _name(entry, key)
        index = places_below.pop(name, None) if name else None
        # One that goes comes behind what it takes out, and one that comes back behind what has taken it out.
        if index is None or _patch(entry) == DELETE or _patch(entries[index]) == DELETE:
            entries.append(entry)
        else:
            entries[index] = _joined(entries[index], entry, at, problems)
    return Node(entries, upper.source, upper.path)


def _patch(node: Node) -> Any:
    said = node.value.get(PATCH) if isinstance(node.value, dict) else None
    return said.value if said else None


def _replaces_all(entry: Node) -> bool:
    return _patch(entry) == REPLACE and len(entry.value) == 1


def _replacing(node: Node) -> Node:
    return Node({PATCH: Node(REPLACE, node.source, node.path)}, node.source, node.path)


def _name(entry: Node, key: str) -> Name | None:
    said = entry.value.get(key) if isinstance(entry.value, dict) else None
    if not said or not isinstance(said.value, str):
        return None
    headers = entry.value.get(HEADERS)
    asked = plain(headers) if headers else None
    if not isinstance(asked, dict):
        return (said.value,)
    return (said.value, *sorted(f"{name}: {value}" for name, value in asked.items() if name != PATCH))


def _places(entries: Sequence[Node], key: str, without: Container[int] = ()) -> dict[Name, int]:
    """The places of entries by their names."""
    names = {index: _name(entry, key) for index, entry in enumerate(entries) if index not in without}
    return {name: index for index, name in names.items() if name is not None}


def _label(name: Name) -> str:
    return repr(name[0]) + (f" with headers {', '.join(name[1:])}" if name[1:] else "")


def _nameless(entry: Node, below: Node, key: str) -> str:
    return (
        f"{entry.source}, {yaml_path(entry.path)}: it has no {key!r}, by which it would be found among those of "
        f"{below.source}: add one, or write `- {PATCH}: {REPLACE}` as an entry of the list, which then counts alone"
    )


def _not_there(entry: Node, below: Node, key: str, name: Name) -> str:
    known = [found for each in below.value if (found := _name(each, key))]
    named = " or ".join(map(_label, known)) or "none at all"
    return (
        f"{entry.source}, {yaml_path(entry.path)}: {_label(name)} is to be left out, and {below.source} has {named} "
        "here: correct or remove it"
    )
