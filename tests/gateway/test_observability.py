"""What rules and dashboards read of the gateway is what a real Envoy tells."""

import asyncio
import random
import re
import time
from statistics import fmean, median

import pytest

from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Gate, stream
from tests.gateway.harness import eventually, question, stack
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


class Pause(Gate):
    """A gate that opens by itself."""

    def __init__(self) -> None:
        """There is nobody to open it."""

    async def wait(self) -> None:
        await asyncio.sleep(0.05)


def test_the_time_to_the_first_token_is_what_clients_wait(pods: Pods, start: Start) -> None:
    pod = pods("qwen")
    # Headers at once, as from vLLM, and the first event later.
    pod.answer = stream(gates={0: Pause()})
    gateway = start(stack(["qwen"]), qwen=pod)
    waited = []
    for _ in range(40):
        before = time.perf_counter()
        with gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer:
            pieces = answer.iter_raw()
            begin = next(pieces)
            waited.append(1000 * (time.perf_counter() - before))
            # To its end, or the gateway takes it for a client that left.
            assert b"[DONE]" in begin + b"".join(pieces)

    def told(part: str) -> float:
        text = gateway.metrics.get("/stats/prometheus").text
        found = re.search(rf"^envoy_modelyard_time_to_first_token_ms_{part}{{.*}} (.+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0

    eventually(lambda: told("count") == len(waited) == len(gateway.log()), "all streams are in the histogram")
    logged = [line["first_token_ms"] for line in gateway.log()]
    assert median(logged) == pytest.approx(median(waited), abs=5)
    # A histogram of Envoy keeps what it is given to two digits.
    assert told("sum") / told("count") == pytest.approx(fmean(logged), rel=0.05)
