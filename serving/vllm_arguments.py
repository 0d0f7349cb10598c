"""The arguments of ``vllm serve`` and its parsers, by a table of the version that Modelyard's images carry.

The table is written by ``python -m serving.check``, which asks the parser of the vLLM beside it: for the one in
this folder the vLLM of ``serving/Containerfile``, and in an image that this file has made, the image's own.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_suffix(".json")
"""Where the table is kept."""


@cache
def table() -> dict[str, str]:
    """The names of all arguments, such as ``--max-model-len`` or ``-tp``, and the fields that they set."""
    arguments: dict[str, str] = json.loads(TABLE.read_text())["arguments"]
    return arguments


@cache
def parsers(field: str) -> tuple[str, ...]:
    """The parsers that vLLM has for ``tool_call_parser`` or ``reasoning_parser``."""
    return tuple(json.loads(TABLE.read_text())["parsers"][field])


@cache
def choices(field: str) -> tuple[str, ...]:
    """The only values that a field of vLLM can have, or none where it has others or any."""
    return tuple(json.loads(TABLE.read_text())["choices"].get(field, ()))


@cache
def version() -> str:
    """The version of vLLM that the table holds for."""
    found: str = json.loads(TABLE.read_text())["version"]
    return found


def names(words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The places and names of the arguments among the words of a command line, as vLLM reads them.

    It takes '_' for '-', and both ``--name=value`` and ``--name.key value``. ``-O3`` stands for
    ``--optimization-level 3``.
    """
    for index, word in enumerate(words):
        if word.startswith("--"):
            yield index, re.split(r"[=.]", word, maxsplit=1)[0].replace("_", "-")
        elif word.startswith("-O"):
            yield index, "--optimization-level"
        elif re.match(r"-[A-Za-z]", word):
            yield index, word.partition("=")[0]


def field_of(name: str) -> str | None:
    """The field that an argument sets, or None where vLLM has no such argument.

    It takes the beginning of a long name for the whole, where only one begins so.
    """
    if name in table() or not name.startswith("--"):
        return table().get(name)
    whole = [known for known in table() if known.startswith(name)]
    return table()[whole[0]] if len(whole) == 1 else None


def destinations(words: Sequence[str]) -> set[str]:
    """The fields that the words of a command line set, such as ``max_model_len``."""
    return {field for _, name in names(words) if (field := field_of(name))}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of the known names that looks most like this one, or None where none does."""
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.7)), None)
