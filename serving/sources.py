"""Where the settings of this process come from: environment, a mounted YAML file and flags, of which the later win."""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from serving import engine_arguments
from serving.argv import build_argv
from serving.settings import PREFIX, ServingSettings, flag, variable
from serving.settings_file import SettingsFileError, read_settings_file
from serving.values import JSON_ERROR, WORD_ERROR
from serving.vllm_arguments import nearest

FILE = "settings_file"
"""Not a field: the path of the YAML file, by variable or flag."""

_LONGEST_QUOTE = 100
_MOST_BYTES = 2**20
"""Of the whole command line: half of what Linux takes together with the environment."""

Place = Callable[[str], str]
"""Says where a field's value was given."""


class InvalidSettingsError(Exception):
    """Settings that no server can start with. Its text is one line a problem."""


def load(arguments: Sequence[str]) -> ServingSettings:
    """Read the settings from this process's environment, the YAML file that it or a flag names, and flags.

    Raises:
        InvalidSettingsError: with one line for every problem found. It quotes no value that may hold a secret.
        SystemExit: for ``--help``, once it is shown.
    """
    problems = list(_unknown_variables())
    flags, unknown = _flags(arguments)
    problems += unknown
    path = flags.pop(FILE, os.environ.get(variable(FILE)))
    written, wrong = _written(path)
    problems += wrong
    if unknown or (wrong and not written):
        raise InvalidSettingsError("\n".join(problems))

    def place(field: str) -> str:
        if field in flags:
            return flag(field)
        return f"{path}: {field}" if field in written else variable(field)

    try:
        settings = ServingSettings(**{**written, **flags})
    except ValidationError as error:
        problems += [_sentence(detail, place) for detail in error.errors(include_url=False)]
    else:
        problems += [*engine_arguments.problems(settings, place), *_too_long(settings)]
    if problems:
        raise InvalidSettingsError("\n".join(problems))
    return settings


def _unknown_variables() -> Iterator[str]:
    known = {variable(field) for field in (*ServingSettings.model_fields, FILE)}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            like = nearest(name, known)
            instead = f"write {like}, or remove it" if like else "correct or remove it"
            yield f"{name}: there is no such setting, and nothing would read it: {instead}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InvalidSettingsError(f"{message.removeprefix('argument ')}: write flags as --name=value")


def _parser() -> _Parser:
    parser = _Parser("serving", allow_abbrev=False, argument_default=argparse.SUPPRESS)
    parser.add_argument(flag(FILE), metavar="PATH", help="YAML file with settings by the names of variables, in small.")
    for field, info in ServingSettings.model_fields.items():
        parser.add_argument(flag(field), metavar="VALUE", help=(info.description or "").replace("%", "%%"))
    return parser


def _flags(arguments: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The flags' values as they were written, and what is wrong with other words."""
    try:
        found, others = _parser().parse_known_args(arguments)
    except InvalidSettingsError as error:
        return {}, [str(error)]
    # Only names of flags are quoted: a word beside them may be a key.
    names = [word.partition("=")[0] for word in others if word.startswith("--")]
    problems = [_unknown_flag(name) for name in names or ["a word that belongs to no flag"][: len(others)]]
    return vars(found), problems


def _unknown_flag(name: str) -> str:
    like = nearest(name, [flag(field) for field in (*ServingSettings.model_fields, FILE)])
    instead = f"write {like}" if like else "correct it"
    return f"{name}: the server has no such setting: {instead}, or put vLLM's own arguments into --extra-args"


def _written(path: str | None) -> tuple[dict[str, Any], list[str]]:
    """What the file sets, and what is wrong with it."""
    if path is None:
        return {}, []
    try:
        found = read_settings_file(path)
    except SettingsFileError as error:
        return {}, [str(error)]
    known = {key: value for key, value in found.items() if isinstance(key, str) and key in ServingSettings.model_fields}
    return known, [_unknown_key(path, key) for key in found if key not in known]


def _unknown_key(path: str, key: object) -> str:
    like = nearest(key, ServingSettings.model_fields) if isinstance(key, str) else None
    instead = f"write {like}" if like else "correct or remove it"
    return f"{path}: {_quoted(key)} is no setting, and nothing would read it: {instead}"


def _sentence(detail: ErrorDetails, place: Place) -> str:
    field, *within = detail["loc"]
    where = place(str(field)) + "".join(f"[{step!r}]" for step in within)
    if detail["type"] == "missing" and not within:
        return f"{where}: nothing is given, and there is no default: set it, or pass {flag(str(field))}"
    message = detail["msg"][:1].lower() + detail["msg"][1:]
    # What was given is not quoted: extra arguments may hold a key.
    if detail["type"] in (JSON_ERROR, WORD_ERROR) or within:
        return f"{where}: the value cannot be used, {message}"
    return f"{where}: {_quoted(detail['input'])} cannot be used: {message}"


def _quoted(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        # Python writes no number of more than 4,300 digits.
        return "what is given"
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def _too_long(settings: ServingSettings) -> Iterator[str]:
    length = sum(len(word.encode()) + 1 for word in build_argv(settings))
    if length > _MOST_BYTES:
        yield (
            f"the settings make a command line of {length} bytes, and Linux takes about {_MOST_BYTES} of a program's "
            "arguments: put long values into files where vLLM takes the path of one"
        )
