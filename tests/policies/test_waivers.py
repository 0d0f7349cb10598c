"""Waivers: whom they let off, until when, and what is said of those that can't be read."""

import datetime

import pytest

from policies.pack.waivers import WaiverError, waiver
from tests.policies.builders import BY_ID, TODAY, UNKNOWN, model, obj, release, say

RULE = "probes"
KEY = f"waive.modelyard.dev/{RULE}"
GOOD = "2026-12-31: the load balancer asks it"


def unready(**changes: object) -> list[str]:
    return say(RULE, model(container={"readinessProbe": None}, **changes))  # type: ignore[arg-type]


def test_a_waiver_is_a_day_and_a_reason() -> None:
    found = waiver(RULE, "2026-12-31: the load balancer asks it")
    assert (found.until, found.reason) == (datetime.date(2026, 12, 31), "the load balancer asks it")


def test_it_lets_an_object_off_one_rule() -> None:
    assert len(unready()) == 1
    assert unready(annotations={KEY: GOOD}) == []
    assert len(unready(annotations={"waive.modelyard.dev/pod-security": GOOD})) == 1


def test_it_counts_on_its_last_day_and_no_longer() -> None:
    reason = "the load balancer asks it"
    assert unready(annotations={KEY: f"{TODAY}: {reason}"}) == []
    assert len(unready(annotations={KEY: f"{TODAY - datetime.timedelta(days=1)}: {reason}"})) == 1


def test_it_may_stand_on_the_pods() -> None:
    found = obj(
        "Deployment",
        "qwen",
        spec={
            "template": {
                "metadata": {"annotations": {KEY: GOOD}},
                "spec": {"containers": [{"name": "web", "ports": [{"containerPort": 80}]}]},
            }
        },
    )
    assert say(RULE, found) == []


def test_a_chart_has_it_on_the_gateways_service() -> None:
    annotations = {"waive.modelyard.dev/load-balancer-sources": "2026-12-31: the firewall ahead has the list"}
    values = {"higress-core": {"gateway": {"service": {"annotations": annotations}}}}
    assert say("load-balancer-sources", release(chart="higress", version="2.2.4", values=values)) == []


@pytest.mark.parametrize(
    "values",
    [
        {"commonAnnotations": {"waive.modelyard.dev/pinned-images": GOOD}},
        {"server": {"podAnnotations": {"waive.modelyard.dev/pinned-images": GOOD}}},
        {"annotations": {"waive.modelyard.dev/pinned-images": UNKNOWN}},
        {"annotations": UNKNOWN},
    ],
)
def test_any_chart_may_have_it_among_its_annotations(values: dict[str, object]) -> None:
    assert say("pinned-images", release(chart="x", values=values)) == []
    assert len(say("pinned-images", release(chart="x", values={"password": UNKNOWN}))) == 1


def test_one_that_is_not_known_yet_may_be_one() -> None:
    assert unready(annotations={KEY: UNKNOWN}) == []


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("yes", "'yes' is no day and a reason"),
        ("", "'' is no day and a reason"),
        ("2026-12-31", "'2026-12-31' is no day and a reason"),
        ("31.12.2026: it is fine so", "'31.12.2026: it is fine so' begins with '31.12.2026', which is no day"),
        ("2026-02-30: it is fine so", "'2026-02-30: it is fine so' begins with '2026-02-30', which is no day"),
        ("2026-12-31: later", "'2026-12-31: later' gives 'later' as a reason, which tells nobody why"),
        (7, "7 is no day and a reason"),
    ],
)
def test_one_that_cannot_be_read_is_told_and_counts_for_nothing(value: object, sentence: str) -> None:
    with pytest.raises(WaiverError, match=r".") as caught:
        waiver(RULE, value)
    assert str(caught.value) == sentence
    assert len(unready(annotations={KEY: value})) == 1
    assert say("waivers", model(annotations={KEY: value})) == [
        f"StatefulSet models/qwen: {KEY}: {sentence}, so nobody can tell whether it still holds: write a day and a "
        "reason, such as 2027-01-31: the code of that commit was read"
    ]


def test_one_of_no_rule() -> None:
    (sentence,) = say("waivers", model(annotations={"waive.modelyard.dev/probe": GOOD}))
    start = (
        "StatefulSet models/qwen: waive.modelyard.dev/probe names no rule, so nobody can tell whether it still holds: "
    )
    assert sentence.startswith(f"{start}write one of container-resources, cost-budget, ")


def test_one_of_a_rule_that_no_object_breaks() -> None:
    assert say("waivers", model(annotations={"waive.modelyard.dev/gpu-budget": GOOD})) == [
        "StatefulSet models/qwen: waive.modelyard.dev/gpu-budget names a rule of the whole stack, so nobody can tell "
        "whether it still holds: set the rule's parameters or level"
    ]


def test_one_that_lasts_too_long() -> None:
    annotations = {KEY: f"{TODAY + datetime.timedelta(days=40)}: the load balancer asks it"}
    assert say("waivers", model(annotations=annotations)) == []
    (sentence,) = say("waivers", model(annotations=annotations), maxDays=30)
    last = TODAY + datetime.timedelta(days=30)
    assert sentence.endswith(f"so nobody can tell whether it still holds: write {last} or an earlier day")


def test_rules_that_a_single_object_cannot_be_let_off() -> None:
    assert {rule.id for rule in BY_ID.values() if not rule.waivable} == {"secret-outputs", "gpu-budget", "waivers"}
