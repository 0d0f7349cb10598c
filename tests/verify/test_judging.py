"""What an answer says, and when it says nothing."""

from typing import Any

import pytest

from stacks.settings import StackSettings
from stacks.verify.asking import Answer
from stacks.verify.judging import unheard_rehearsal
from stacks.verify.plan import answers, fallbacks
from tests.gateway.harness import stack


def chain(**gateway: Any) -> StackSettings:
    upstreams = [{"model": "first", "weight": 50}, {"model": "next", "weight": 50}]
    routes = [{"model": "first", "upstreams": upstreams, "fallback": ["second", "third"]}]
    return stack(["first", "next", "second", "third"], routes, **gateway)


HIGRESS = chain(kind="higress")
RESTRICTED = chain(kind="higress", ipRestriction={"allow": ["203.0.113.0/24"]})
REFUSED = Answer(status=403)


@pytest.mark.parametrize("served_by", ["first", "next"])
def test_a_rehearsal_that_passed_over_nobody_says_nothing(served_by: str) -> None:
    expected = fallbacks(HIGRESS.routes[0])[0]
    why = unheard_rehearsal(HIGRESS, expected, Answer(status=200, served_by=served_by))
    assert why is not None
    assert why.startswith(f"{served_by} answered as if nothing had been asked of the gateway: look ")


def test_a_rehearsal_that_may_not_come_in_says_nothing() -> None:
    expected = fallbacks(RESTRICTED.routes[0])[0]
    assert unheard_rehearsal(RESTRICTED, expected, REFUSED) == (
        "modelyard:gateway.ipRestriction lets no port forward in, and that is how a fallback is rehearsed"
    )
    assert unheard_rehearsal(HIGRESS, expected, REFUSED) is None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=200, served_by="second", fallback_from="first"),
        Answer(status=200, served_by="third", fallback_from="first"),
        Answer(status=503),
        Answer(problem="the connection broke"),
    ],
)
def test_any_other_answer_says_something(answer: Answer) -> None:
    assert unheard_rehearsal(HIGRESS, fallbacks(HIGRESS.routes[0])[0], answer) is None


def test_nobody_is_passed_over_where_nothing_is_rehearsed() -> None:
    own = Answer(status=200, served_by="first")
    assert unheard_rehearsal(HIGRESS, answers(HIGRESS.routes[0])[0], own) is None
    envoy = chain()
    assert unheard_rehearsal(envoy, fallbacks(envoy.routes[0])[0], own) is None
