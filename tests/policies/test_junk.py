"""Objects that are not what they should be: no rule may stumble over what somebody has written, or not yet said."""

import copy
import random
from typing import Any

import pytest

from policies.pack.catalogue import RULES
from policies.pack.judge import findings
from policies.pack.resource import Resource, resource
from policies.pack.rule import View
from tests.policies.builders import UNKNOWN
from tests.policies.test_triples import TRIPLES

JUNK: tuple[Any, ...] = (None, UNKNOWN, "", "x", -1, 0, 1.5, True, [], {}, [None], {"x": None}, [["x"]], {"name": 7})
"""What is put in place of something that was there."""

PARAMETERS = {"maxGpus": 1, "maxPerHour": 1}


def plain(value: Any) -> Any:
    """Properties as they came over the wire, but for marks of secrets."""
    if hasattr(value, "keys"):
        inner = value["__target"]
        return {key: plain(inner[key]) for key in inner}
    if isinstance(value, str) or not hasattr(value, "__len__"):
        return value
    inner = value["__target"]
    return [plain(each) for each in inner]


def spoilt(value: Any, chance: random.Random) -> Any:
    """The value with something in it replaced."""
    found = copy.deepcopy(value)
    current, places = found, []
    while isinstance(current, dict | list) and current:
        key = chance.choice(list(current) if isinstance(current, dict) else range(len(current)))
        places.append((current, key))
        current = current[key]
    holder, key = chance.choice(places)
    holder[key] = chance.choice(JUNK)
    return found


def stacks() -> list[tuple[Resource, ...]]:
    passing = [each for triple in TRIPLES.values() for each in triple.passes]
    return [*passing, *(resources for triple in TRIPLES.values() for resources, _ in triple.fails)]


@pytest.mark.parametrize("seed", range(12))
def test_no_rule_stumbles(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same each time
    for resources in stacks():
        broken = [
            resource(each.urn, each.type, each.name, spoilt(plain(each.props), chance)) if plain(each.props) else each
            for each in resources
        ]
        for rule in RULES:
            own = {name: value for name, value in PARAMETERS.items() if name in {each.name for each in rule.parameters}}
            parameters = {**rule.defaults, **own}
            alone = [[each] for each in broken]
            for view in alone if rule.scope == "resource" else [broken]:
                list(findings(rule, View(view, True, parameters)))
