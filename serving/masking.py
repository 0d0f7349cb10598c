"""Secrets on the server's command line and in its environment: what no log may show."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

MASK = "***"
"""What is shown in place of a secret."""

_SECRET = re.compile(r"([\w.-]*[-_.])?(api)?(key|keys|token|password|secret)", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SHORTEST_SECRET = 8


def masked(argv: Sequence[str]) -> list[str]:
    """The command line with the values of secret arguments, such as ``--api-key``, replaced by ``***``.

    Of values that are JSON, those of secret keys are.
    """
    return [shown for shown, _ in _words(argv)]


def secrets(argv: Sequence[str], environment: Mapping[str, str]) -> tuple[bytes, ...]:
    """The values that no log may show.

    Args:
        argv: the server's command line.
        environment: its variables, of which those named like a secret argument count.
    """
    named = [value for name, value in environment.items() if _is_secret(name)]
    hidden = [*named, *(value for _, values in _words(argv) for value in values)]
    # By its lines, for a log is read by lines, and a file in a Secret often ends with a line's end.
    lines = (line.strip() for value in hidden for line in value.splitlines())
    # A shorter one is no secret, and would be found in words that have nothing to do with it. Longest first, for
    # one may be the beginning of another.
    found = {line.encode(errors="surrogateescape") for line in lines if len(line) >= _SHORTEST_SECRET}
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def _words(argv: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each word as it may be shown, and the secrets in it."""
    hiding = False
    for word in argv:
        name, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if name:
            secret = _is_secret(name.removeprefix("--"))
            hiding = secret and not equals
        else:
            # Such an argument may take several values: all of them up to the next one are hidden.
            secret = hiding
        if secret and (equals or not name):
            yield f"{name}{equals}{MASK}", [value]
        else:
            shown, found = _json(value)
            yield f"{name}{equals}{shown}", found


def _json(text: str) -> tuple[str, list[str]]:
    if not text.startswith(("{", "[")):
        return text, []
    try:
        value = json.loads(text)
        found: list[str] = []
        shown = json.dumps(_shown(value, found))
    except (ValueError, RecursionError):
        return text, []
    # A text in which nothing is hidden stays as it was written.
    return (shown, found) if found else (text, [])


def _shown(value: object, found: list[str]) -> object:
    if isinstance(value, list):
        return [_shown(item, found) for item in value]
    if not isinstance(value, dict):
        return value
    shown: dict[str, object] = {}
    for key, item in value.items():
        if _is_secret(_HUMP.sub("_", key)) and item:
            found.extend(_texts(item))
            shown[key] = MASK
        else:
            shown[key] = _shown(item, found)
    return shown


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    else:
        yield value if isinstance(value, str) else json.dumps(value)


def _is_secret(name: str) -> bool:
    return _SECRET.fullmatch(name) is not None
