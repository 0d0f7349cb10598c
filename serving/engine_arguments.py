"""What vLLM's own parser would refuse, said before vLLM is even loaded, which takes it seconds."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path

from serving.settings import ServingSettings
from serving.vllm_arguments import choices, destinations, field_of, names, nearest, parsers, table, version

_PLUGINS = {"tool_call_parser": "tool_parser_plugin", "reasoning_parser": "reasoning_parser_plugin"}
"""Settings that name a parser, and the fields of vLLM that bring parsers of one's own."""
_OF_A_TEMPLATE = "{}\n"
"""By these vLLM tells a chat template from the path of one."""


@cache
def installed() -> str | None:
    """The version of vLLM beside this package, without the name of its build, or None where there is none."""
    try:
        return version_of("vllm").partition("+")[0]
    except PackageNotFoundError:
        return None


def problems(settings: ServingSettings, place: Callable[[str], str]) -> Iterator[str]:
    """A sentence for everything that vLLM would not take.

    Of a vLLM that the table does not hold for nothing is said: it says so itself, later.

    Args:
        settings: what the server serves, and how.
        place: says where a field's value was given.
    """
    yield from _chat_template(settings, place("chat_template"))
    if installed() != version():
        return
    for field in ServingSettings.model_fields:
        value = getattr(settings, field)
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield from _choice(place(field), field, str(value))
    yield from _parsers(settings, place)
    yield from _further(settings.extra_args, place("extra_args"))


def _chat_template(settings: ServingSettings, place: str) -> Iterator[str]:
    template = settings.chat_template
    if template is None or any(mark in template for mark in _OF_A_TEMPLATE):
        return
    try:
        found = Path(template).exists()
    except OSError:
        found = False
    if not found:
        yield f"{place}: there is no such file, and it is no template either: mount the file, or correct its path"


def _choice(place: str, field: str, value: str) -> Iterator[str]:
    known = choices(field)
    if known and value not in known:
        every = ", ".join(known)
        yield f"{place}: the value cannot be used, vLLM {version()} takes none but {every}: write one of them"


def _parsers(settings: ServingSettings, place: Callable[[str], str]) -> Iterator[str]:
    for field, plugin in _PLUGINS.items():
        parser = getattr(settings, field)
        if parser is not None and parser not in parsers(field) and plugin not in destinations(settings.extra_args):
            like = nearest(parser, parsers(field)) or f"one of {', '.join(parsers(field))}"
            yield f"{place(field)}: {parser!r} is no parser of vLLM {version()}: write {like}"


def _further(words: Sequence[str], place: str) -> Iterator[str]:
    if words and not words[0].startswith("-"):
        yield f"{place}[0]: it belongs to no argument of vLLM: write an argument's name ahead of it"
    for index, name in names(words):
        field = field_of(name)
        if field is None:
            like = nearest(name, table())
            instead = f"write {like}" if like else "correct or remove it"
            yield f"{place}[{index}]: {name!r} is no argument of vLLM {version()}: {instead}"
        elif (value := _value(words, index)) is not None:
            yield from _choice(f"{place}[{index}]", field, value)


def _value(words: Sequence[str], index: int) -> str | None:
    """The value of the argument at a place, or None where it has none, or more than one."""
    name, equals, value = words[index].partition("=")
    if "." in name or not name.startswith("--"):
        return None
    following = words[index + 1 : index + 2]
    return value if equals else next((word for word in following if not word.startswith("-")), None)
