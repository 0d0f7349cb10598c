"""Types of the server's settings: what can be written in variables, YAML and flags, and carried by a command line.

Messages of the errors say what to write, and quote nothing that may hold a secret.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode
from typing_extensions import TypedDict

LONGEST_WORD = 128 * 1024 - 1
"""Bytes of the longest word of a command line that Linux takes (``MAX_ARG_STRLEN``, less the zero at its end)."""
LARGEST = 2**63 - 1
"""The largest whole number: vLLM and torch keep them in 64 bits."""
_DEEPEST = 32

JSON_ERROR = "json"
"""Type of an error whose message is about JSON, and quotes none of it."""
WORD_ERROR = "word"
"""Type of an error whose message is about a word of a command line, and doesn't quote it."""


def _wrong_json(like: str) -> PydanticCustomError:
    return PydanticCustomError(JSON_ERROR, "it is no JSON {like}", {"like": like})


class _TwiceError(Exception):
    """A key that stands twice in one object, of which JSON readers silently take the last."""


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


def _no_number(name: str) -> object:
    raise ValueError(f"JSON has no {name}")


def _decoded(value: object) -> object:
    """What a text means as JSON, and what YAML has read already as JSON would have it; None where it is neither."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, allow_nan=False)
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except _TwiceError:
        message = "an object in it has the same key twice: keep one of them"
        raise PydanticCustomError(JSON_ERROR, message) from None
    except (TypeError, ValueError, RecursionError):
        return None
    return found if _depth(found) <= _DEEPEST else None


def _depth(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _texts(value: object) -> object:
    found = _decoded(value)
    if isinstance(found, list) and all(isinstance(item, str) and item for item in found):
        return found
    raise _wrong_json('list of texts: write one like ["first", "second"]')


def _numbers(value: object) -> object:
    found = _decoded(value)
    if isinstance(found, list) and all(type(item) is int and 0 < item <= LARGEST for item in found):
        return found
    raise _wrong_json("list of whole numbers above 0: write one like [512, 8192]")


def _object(value: object) -> object:
    found = _decoded(value)
    if not isinstance(found, dict):
        raise _wrong_json('object: write one like {"key": "value"}')
    _fits(json.dumps(found))
    return found


def _modules(value: object) -> object:
    found = _decoded(value)
    names = set(LoraModule.__annotations__)
    if not isinstance(found, list) or not all(isinstance(item, dict) and set(item) == names for item in found):
        raise _wrong_json('list of adapters: write one like [{"name": "sql", "path": "/adapters/sql"}]')
    for module in found:
        _fits(json.dumps(module))
    return found


def _no_truth(value: object) -> object:
    # Python takes true for 1.
    if isinstance(value, bool):
        raise PydanticCustomError("truth", "a number is needed")
    return value


def _fits(word: str) -> str:
    """Whether a program can be started with this word."""
    if "\0" in word:
        raise PydanticCustomError(WORD_ERROR, "it has a NUL character, which no command line can carry: remove it")
    length = len(word.encode())
    if length > LONGEST_WORD:
        raise PydanticCustomError(
            WORD_ERROR,
            "it has {length} bytes, and Linux starts no program with a word of more than {most}: shorten it, or put "
            "it into a file where vLLM takes the path of one",
            {"length": length, "most": LONGEST_WORD},
        )
    return word


def _is_value(word: str) -> str:
    if word.startswith("-"):
        raise PydanticCustomError(
            WORD_ERROR, "it begins with '-', and vLLM would take it for an argument: write one that does not"
        )
    return word


Text = Annotated[str, Field(min_length=1), AfterValidator(_fits)]
"""A text that is not empty."""
Value = Annotated[Text, AfterValidator(_is_value)]
"""A text that stands alone behind an argument."""
Whole = Annotated[int, BeforeValidator(_no_truth), Field(ge=0, le=LARGEST)]
"""A whole number from 0 on."""
Count = Annotated[int, BeforeValidator(_no_truth), Field(ge=1, le=LARGEST)]
"""A whole number from 1 on."""
Port = Annotated[int, BeforeValidator(_no_truth), Field(ge=1, le=65535)]
"""A TCP port."""
Seed = Annotated[int, BeforeValidator(_no_truth), Field(ge=-LARGEST, le=LARGEST)]
"""A whole number."""
Number = Annotated[float, BeforeValidator(_no_truth), Field(ge=0, allow_inf_nan=False)]
"""A number from 0 on."""
Size = Annotated[float, BeforeValidator(_no_truth), Field(gt=0, allow_inf_nan=False)]
"""A number above 0."""
Share = Annotated[float, BeforeValidator(_no_truth), Field(gt=0, le=1)]
"""A part of a whole."""


class LoraModule(TypedDict):
    """An adapter that the server answers by."""

    name: Annotated[str, Field(min_length=1)]
    """What requests call it."""
    path: Annotated[str, Field(min_length=1)]
    """Folder with its weights, or their Hugging Face repository."""


Texts = Annotated[tuple[Text, ...], NoDecode, BeforeValidator(_texts)]
Values = Annotated[tuple[Value, ...], NoDecode, BeforeValidator(_texts)]
Numbers = Annotated[tuple[int, ...], NoDecode, BeforeValidator(_numbers)]
Object = Annotated[dict[str, Any], NoDecode, BeforeValidator(_object)]
LoraModules = Annotated[tuple[LoraModule, ...], NoDecode, BeforeValidator(_modules)]
