"""Reading of properties that may be of any form, and partly unknown during a preview.

Properties are mappings and sequences that raise ``UnknownValueError`` where a value is looked at that is not known
yet. Nobody here catches it: a rule that needs the value can say nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Properties = Mapping[str, Any]
"""Properties of a resource, or a part of them."""

UNITS = {
    "": 1.0,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}
"""Suffixes of Kubernetes' quantities that people use."""


def at(value: Any, *path: str) -> Any:
    """What stands at a path of keys, or None where there is nothing.

    Raises:
        UnknownValueError: when it is not known yet, or something above it.
    """
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def mapping(value: Any, *path: str) -> Properties:
    """The mapping at a path, or an empty one."""
    found = at(value, *path)
    return found if isinstance(found, Mapping) else {}


def items(value: Any, *path: str) -> Sequence[Any]:
    """The list at a path, or an empty one. Its members are looked at, and so known."""
    found = at(value, *path)
    return list(found) if isinstance(found, Sequence) and not isinstance(found, str) else []


def text(value: Any, *path: str) -> str:
    """The text at a path, or an empty one. Numbers are written as they are."""
    found = at(value, *path)
    if isinstance(found, float) and found.is_integer():
        return str(int(found))
    return "" if found is None or (isinstance(found, Mapping | Sequence) and not isinstance(found, str)) else str(found)


def number(value: Any, *path: str) -> float | None:
    """The number at a path, also where it is written as a text, or None where there is none."""
    found = at(value, *path)
    return amount(found)


def amount(value: Any) -> float | None:
    """A number, or a quantity such as ``16Gi`` or ``500m``, as a number. None: it is neither."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    found = re.fullmatch(r"\s*(-?[0-9.]+)([A-Za-z]*)\s*", value) if isinstance(value, str) else None
    try:
        return float(found[1]) * UNITS[found[2]] if found else None
    except (ValueError, KeyError):
        return None


def texts(value: Any, *path: str) -> list[str]:
    """The texts of a list at a path, with others in it written as they are."""
    return [text(each) for each in items(value, *path)]


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Everything in a value that is neither a mapping nor a list, with its path. What is unknown is passed over."""
    from pulumi_policy.proxy import UnknownValueError

    keys: Iterable[Any]
    if isinstance(value, Mapping):
        keys = list(value)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        keys = range(len(value))
    else:
        yield path, value
        return
    for key in keys:
        try:
            found = value[key]
        except UnknownValueError:
            continue
        yield from leaves(found, (*path, str(key)))
