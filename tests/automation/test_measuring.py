"""What a series of requests says of each model that shares a route."""

from typing import Any

import httpx
import pytest

from stacks.automation import Measurement, ModelMeasurement
from stacks.automation.measuring import form, measured
from stacks.drill import Sample
from stacks.verify.asking import Question


def sample(served_by: str | None, first_byte: float | None = 0.1, **said: Any) -> Sample:
    known = {"at": 0.0, "seconds": 1.0, "streamed": True, "status": 200, "fallback_from": None, "error": None}
    return Sample(served_by=served_by, first_byte_seconds=first_byte, **{**known, **said})


def test_each_model_is_judged_by_what_it_answered() -> None:
    samples = [sample("old", wait / 100) for wait in range(1, 101)]
    samples += [sample("new", 0.3), sample("new", 0.2, error="it was cut")]
    samples += [sample(None, None, status=503, error="status 503")]
    found = measured(samples, ["old", "new"])
    assert found == Measurement(
        {"old": ModelMeasurement(100, 0, 0.5, 0.95), "new": ModelMeasurement(2, 1, 0.3, 0.3)}, unanswered=1
    )
    assert found.models["new"].error_rate == 1 / 2


def test_which_of_several_upstreams_fell_back_is_not_guessed() -> None:
    """Gateways say `chat`, the route's name, and not which upstream has failed."""
    found = measured([sample("old"), sample("new"), sample("spare", 9.0, fallback_from="chat")], ["old", "new"])
    well = ModelMeasurement(1, 0, 0.1, 0.1)
    assert found == Measurement({"old": well, "new": well}, unanswered=0, fallen_back=1)


def test_an_adapter_is_told_from_its_model() -> None:
    samples = [
        sample("base", model="chat"),
        sample("base", 0.3, model="lora"),
        sample("base", model="lora", error="cut"),
    ]
    found = measured(samples, ["base", "base@lora"])
    well, cut = ModelMeasurement(1, 0, 0.1, 0.1), ModelMeasurement(2, 1, 0.3, 0.3)
    assert found == Measurement({"base": well, "base@lora": cut}, unanswered=0)


def test_which_of_a_model_and_its_adapter_failed_is_not_guessed() -> None:
    nameless = sample("base", None, status=500, error="status 500")
    assert measured([nameless], ["base", "base@lora"]) == Measurement({}, unanswered=0, fallen_back=1)
    alone = ModelMeasurement(1, 1, None, None)
    assert measured([nameless], ["base", "other"]) == Measurement({"base": alone}, unanswered=0)
    assert measured([nameless], ["base@lora", "other"]).models.keys() == {"base@lora"}


def test_an_only_upstream_fell_back_itself() -> None:
    found = measured([sample("old", fallback_from="chat")], ["new"])
    assert found == Measurement({"new": ModelMeasurement(1, 1, None, None)}, unanswered=0)
    assert measured([], ["new"]) == Measurement({}, unanswered=0)


def test_requests_that_were_never_sent_are_told() -> None:
    assert measured([], ["new"], unsent=7) == Measurement({}, unanswered=0, unsent=7)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["/v1/chat/completions", "/v1/completions"], "/v1/chat/completions"),
        (["/v1/completions"], "/v1/completions"),
        ([], "/v1/chat/completions"),
    ],
)
def test_the_form_in_which_a_route_answers_is_found(answers: list[str], expected: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path in answers:
            return httpx.Response(200, text="data: [DONE]\n\n", headers={"content-type": "text/event-stream"})
        return httpx.Response(400, json={"error": {"message": "no chat template"}})

    possible = [Question(path, {"stream": True}) for path in ("/v1/chat/completions", "/v1/completions")]
    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://gateway") as client:
        assert form(client, possible).path == expected
