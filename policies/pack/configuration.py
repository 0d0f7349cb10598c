"""What ``--policy-pack-config`` may say, beyond what the engine checks by the rules' schemas."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies.pack.rule import Rule

ALL = "all"
"""The key that sets the level of every rule."""


def problems(rules: Sequence[Rule], config: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A sentence for each rule and each parameter that there is not.

    Args:
        rules: the rules of the pack.
        config: the parameters given, by the ids of rules.
    """
    known = {rule.id: rule for rule in rules}
    for name, given in config.items():
        if name == ALL:
            continue
        if name not in known:
            yield f"{name!r}: there is no such rule: write {_instead(name, list(known))}"
            continue
        parameters = [each.name for each in known[name].parameters]
        for parameter in given:
            if parameter not in parameters:
                own = _instead(parameter, parameters) if parameters else "its enforcementLevel only"
                yield f"{name}.{parameter}: the rule has no such parameter: write {own}"
        yield from _members(known[name], given)


def _members(rule: Rule, given: Mapping[str, Any]) -> Iterator[str]:
    """The engine looks at lists and mappings as a whole only."""
    for parameter in rule.parameters:
        value = given.get(parameter.name)
        if parameter.type == "array" and isinstance(value, list):
            for index, each in enumerate(value):
                if not isinstance(each, str):
                    yield f"{rule.id}.{parameter.name}[{index}]: {each!r} is no text: write texts only"
        if parameter.type == "object" and isinstance(value, Mapping):
            for key, each in value.items():
                if isinstance(each, bool) or not isinstance(each, int | float) or each < 0:
                    yield f"{rule.id}.{parameter.name}.{key}: {each!r} is no number from 0 up: write one such as 0.8"


def _instead(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return repr(near[0]) if near else f"one of {', '.join(known)}"
