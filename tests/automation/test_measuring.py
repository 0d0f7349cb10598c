"""What a series of requests says of each model that shares a route."""

from typing import Any

from stacks.automation import Measurement, ModelMeasurement
from stacks.automation.measuring import measured
from stacks.drill import Sample


def sample(served_by: str | None, first_byte: float | None = 0.1, **said: Any) -> Sample:
    known = {"at": 0.0, "seconds": 1.0, "streamed": True, "status": 200, "fallback_from": None, "error": None}
    return Sample(served_by=served_by, first_byte_seconds=first_byte, **{**known, **said})


def test_each_model_is_judged_by_the_requests_that_went_to_it_first() -> None:
    samples = [sample("old", wait / 100) for wait in range(1, 101)]
    samples += [sample("new", 0.3), sample("old", 9.0, fallback_from="new"), sample("new", 0.2, error="it was cut")]
    samples += [sample(None, None, status=503, error="status 503")]
    found = measured(samples)
    assert found == Measurement(
        {"old": ModelMeasurement(100, 0, 0.5, 0.95), "new": ModelMeasurement(3, 2, 0.3, 0.3)}, unanswered=1
    )
    assert found.models["new"].error_rate == 2 / 3


def test_a_model_that_never_answers_has_no_time_to_its_first_token() -> None:
    found = measured([sample("old", fallback_from="new")])
    assert found.models == {"new": ModelMeasurement(1, 1, None, None)}
    assert measured([]) == Measurement({}, unanswered=0)
