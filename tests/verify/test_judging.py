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
REFUSED = Answer(status=403)


@pytest.mark.parametrize("served_by", ["first", "next"])
def test_a_rehearsal_that_passed_over_nobody_says_nothing(served_by: str) -> None:
    expected = fallbacks(HIGRESS.routes[0])[0]
    why = unheard_rehearsal(HIGRESS, expected, Answer(status=200, served_by=served_by))
    assert why is not None
    assert why.startswith(f"{served_by} answered as if nothing had been asked of the gateway: look ")


def forbidden(**restriction: Any) -> str | None:
    restricted = chain(kind="higress", ipRestriction=restriction)
    return unheard_rehearsal(restricted, fallbacks(restricted.routes[0])[0], REFUSED)


def test_a_rehearsal_that_may_not_come_in_says_nothing() -> None:
    said = (
        "modelyard:gateway.ipRestriction lets no port forward in, and that is how a fallback is rehearsed: write "
        "127.0.0.1/32 into its `allow`, or see it by `modelyard drill`"
    )
    assert forbidden(allow=["203.0.113.0/24"]) == said
    assert forbidden(deny=["203.0.113.0/24", "127.0.0.0/8"]) == said
    assert forbidden(allow=["127.0.0.1/32"], fromHeader="x-real-ip") == said


def test_a_rehearsal_that_is_refused_otherwise_says_something() -> None:
    assert forbidden(allow=["203.0.113.0/24", "127.0.0.1/32"]) is None
    assert forbidden(deny=["203.0.113.0/24"]) is None
    assert unheard_rehearsal(HIGRESS, fallbacks(HIGRESS.routes[0])[0], REFUSED) is None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=200, served_by="second", fallback_from="first"),
        Answer(status=200, served_by="third", fallback_from="first"),
        # What the gateway says itself where a redirect leads nowhere names the route's own model.
        Answer(status=503, served_by="first"),
        Answer(status=401, served_by="first"),
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
