"""Which series expressions ask for, held against what is really exposed."""

import re
from collections.abc import Iterable

from stacks.settings import StackSettings
from tests.observability.stacks import rules

_GIVEN = {"namespace", "pod"}
"""Labels that a Prometheus adds."""


def asked_of(stack: StackSettings, prefix: str) -> dict[str, set[str]]:
    """The series that a stack's recording rules read whose names begin so, with the labels that they choose by."""
    found: dict[str, set[str]] = {}
    for rule in rules(stack):
        # What is quoted may hold anything.
        expression = re.sub(r'"[^"]*"', '""', rule["expr"])
        for name, matchers in re.findall(rf"\b({prefix}\w+){{([^}}]*)}}", expression):
            found.setdefault(name, set()).update(set(re.findall(r"\w+(?==)", matchers)) - _GIVEN)
        for labels, name in re.findall(rf"sum by \(([^)]*)\) \(rate\(({prefix}\w+)", expression):
            found[name].update(labels.split(", "))
    return found


def exposed(text: str) -> dict[str, set[str]]:
    """The series of an exposition, with their labels."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if match := re.match(r"([a-zA-Z_:][\w:]*)(?:{(.*)})? ", line):
            found.setdefault(match[1], set()).update(re.findall(r'(\w+)="', match[2] or ""))
    return found


def missing(asked: dict[str, set[str]], there: dict[str, set[str]]) -> Iterable[str]:
    """What is asked for and not there."""
    for name, labels in asked.items():
        if name not in there:
            yield name
        else:
            yield from (f"{name}: {label}" for label in labels - there[name])
