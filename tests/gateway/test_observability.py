"""What rules and dashboards read of the gateway is what a real Envoy tells."""

import random

import pytest

from tests.gateway.conftest import Pods, Start
from tests.gateway.harness import eventually, question
from tests.gateway.test_tokens import KEYS, SETTINGS, vllm
from tests.observability.series import asked_of, exposed, missing
from tests.observability.stacks import observed

pytestmark = pytest.mark.gateway


def test_every_series_is_there_with_its_labels(pods: Pods, start: Start) -> None:
    rng = random.Random(8)  # noqa: S311
    qwen, gemma = pods("qwen"), pods("gemma")
    vllm(qwen, rng)
    vllm(gemma, rng)
    gateway = start(SETTINGS, qwen=qwen, gemma=gemma)
    headers = {"x-api-key": KEYS["alice"]}
    for number in range(60):
        gateway.post(question("qwen", stream=number % 2 == 0), headers=headers)

    asked = asked_of(observed("envoy"), "envoy_")
    assert len(asked) > 10

    def told() -> list[str]:
        return sorted(missing(asked, exposed(gateway.metrics.get("/stats/prometheus").text)))

    # Histograms come with Envoy's next flush.
    eventually(lambda: not told(), f"all of {sorted(asked)} are told")
