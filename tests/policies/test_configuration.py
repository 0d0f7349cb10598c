"""What ``--policy-pack-config`` may say."""

from typing import Any

import pytest

from policies.pack.catalogue import RULES
from policies.pack.configuration import problems
from policies.pack.rule import Parameter


def test_what_rules_know_is_taken() -> None:
    given: dict[str, dict[str, Any]] = {
        "all": {},
        "gpu-budget": {"maxGpus": 8},
        "gpu-placement": {"taints": ["example.com/gpu"]},
        "cost-budget": {"maxPerHour": 10, "prices": {"NVIDIA-L4": 0.8, "default": 2}},
        "probes": {},
    }
    assert list(problems(RULES, given)) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"gpu-budge": {}}, "'gpu-budge': there is no such rule: write 'gpu-budget'"),
        (
            {"gpu-budget": {"maxGpu": 8}},
            "gpu-budget.maxGpu: the rule has no such parameter: write 'maxGpus'",
        ),
        (
            {"probes": {"seconds": 8}},
            "probes.seconds: the rule has no such parameter: write its enforcementLevel only",
        ),
        (
            {"gpu-placement": {"taints": ["a", 7.0]}},
            "gpu-placement.taints[1]: 7.0 is no text: write texts only",
        ),
        (
            {"cost-budget": {"prices": {"NVIDIA-L4": "cheap"}}},
            "cost-budget.prices.NVIDIA-L4: 'cheap' is no number from 0 up: write one such as 0.8",
        ),
    ],
)
def test_what_they_do_not_know_is_told(given: dict[str, dict[str, Any]], sentence: str) -> None:
    assert list(problems(RULES, given)) == [sentence]


def test_a_rule_that_nothing_is_like() -> None:
    (sentence,) = problems(RULES, {"zzz": {}})
    assert sentence.startswith("'zzz': there is no such rule: write one of gpu-parallelism, gpu-placement, ")


def test_defaults_are_of_the_type_that_they_are_said_to_be() -> None:
    types: dict[str, Any] = {
        "boolean": bool,
        "integer": int,
        "number": int | float,
        "string": str,
        "array": list,
        "object": dict,
    }
    for rule in RULES:
        for parameter in rule.parameters:
            if parameter.default is not None:
                assert isinstance(parameter.default, types[parameter.type]), f"{rule.id}.{parameter.name}"


def test_the_schema_of_a_parameter() -> None:
    parameter = Parameter("profile", "string", "The standard", "restricted", choices=("baseline", "restricted"))
    assert parameter.schema == {
        "type": "string",
        "description": "The standard",
        "default": "restricted",
        "enum": ["baseline", "restricted"],
    }
    assert Parameter("most", "integer", "Most", minimum=1).schema == {
        "type": "integer",
        "description": "Most",
        "minimum": 1,
    }
