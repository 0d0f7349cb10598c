"""Stack files with something wrong in them: mutations of the examples, the same for the same seed."""

import copy
import datetime
import random
from collections.abc import Iterator, Sequence
from typing import Any

Place = tuple[Any, ...]

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.5, 10**9, 10**30, float("inf"), float("nan")),
    *("", "a", "A b", "-", "--x", "hf://a/b", "\x00", "\u2028", "ü", "${x}", "a" * 5000, "16Gi", "1e400", "٣", "0x10"),
    *([], {}, [None], [[]], {"a": 1}, {1: 2}, {None: 1}, [1, "a"], {"kind": "higress"}, {"kind": 1}, {"kind": []}),
    *(b"x", datetime.date(2026, 1, 1), {1, 2}),
)
KEYS: tuple[Any, ...] = ("x", "modelyard:x", "", "name", "kind", 5, None)
CHARACTERS = ("", "-", "/", ":", "@", " ", "\n", "0", "Ü", "\x00")
PIECES = (
    *("", "0", "-", " ", "\n", "  ", ":", "{", "}", "[", "]", "#", "'", '"', "&a ", "*a", "!!x ", "<<: ", "? ", "| "),
    *("\t", "\x00", "\x07", "é", "\u2028", "null", "true", "1e9", ".nan", ".inf", "2026-01-01", "~", "---\n", "..."),
    *("%YAML 9\n", "kind", "{secure: 1}", "=", "`", "@", "\\", "!!binary aGk=", "!!set {a}", "0x1F", "1:30", "oci://"),
)


def of_values(seed: int, documents: Sequence[Any]) -> Iterator[Any]:
    """Documents in which values are other ones, are missing, or stand somewhere else."""
    chance = random.Random(seed)  # noqa: S311 - the same in every run is the point
    parts = [part for document in documents for part in _parts(document)]
    while True:
        document = copy.deepcopy(chance.choice(documents))
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            _change(chance, document, parts)
        yield document


def of_text(seed: int, texts: Sequence[str]) -> Iterator[str]:
    """Texts in which characters and lines are other ones, are missing, or stand somewhere else."""
    chance = random.Random(seed)  # noqa: S311
    while True:
        text = chance.choice(texts)
        for _ in range(chance.choice((1, 1, 2, 3, 5))):
            text = _edited(chance, text)
        yield text


def _places(part: Any, place: Place = ()) -> Iterator[Place]:
    yield place
    for key in part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ():
        yield from _places(part[key], (*place, key))


def _at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document


def _parts(document: Any) -> Iterator[Any]:
    return (_at(document, place) for place in _places(document))


def _change(chance: random.Random, document: Any, parts: Sequence[Any]) -> None:
    places = [place for place in _places(document) if place]
    if not places:
        return
    *above, key = chance.choice(places)
    holder = _at(document, tuple(above))
    match chance.randrange(7):
        case 0 | 1 | 2:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
        case 3:
            del holder[key]
        case 4 if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        case 4:
            holder[chance.choice((*KEYS, str(key).upper()))] = holder[key]
        case 5:
            holder[key] = copy.deepcopy(chance.choice(parts))
        case _:
            holder[key] = _bent(chance, holder[key])


def _bent(chance: random.Random, value: Any) -> Any:
    if isinstance(value, str):
        at = chance.randrange(len(value) + 1)
        return value[:at] + chance.choice(CHARACTERS) + value[at + chance.randrange(2) :]
    if isinstance(value, int | float):
        return value * chance.choice((-1, 0, 1000, 10**9, 10**12, 0.5))
    return None


def _edited(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text) + 1)
    match chance.randrange(4):
        case 0:
            return text[:at] + chance.choice(PIECES) + text[at:]
        case 1:
            return text[:at] + text[at + chance.randrange(1, 12) :]
        case 2:
            begin = chance.randrange(len(text) + 1)
            return text[:at] + text[begin : begin + chance.randrange(1, 60)] + text[at:]
        case _:
            lines = text.splitlines(keepends=True)
            one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
            lines[one], lines[other] = lines[other], lines[one]
            return "".join(lines)
