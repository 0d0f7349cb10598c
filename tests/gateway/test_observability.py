"""What rules and dashboards read of the gateway is what a real Envoy tells."""

import asyncio
import json
import random
import re
import time
from statistics import fmean, median
from typing import Any

import pytest
from aiohttp import web

from components.manifests.dashboards.questions import dashboards
from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Gate, Pod, stream
from tests.gateway.harness import eventually, question, stack
from tests.gateway.test_tokens import KEYS, SETTINGS, vllm
from tests.observability.conftest import Told
from tests.observability.series import asked_of, exposed, missing
from tests.observability.stacks import observed, of

pytestmark = pytest.mark.gateway

POD = 'namespace="models",pod="gateway-5d8f7c9b6d-abcde"'
"""Labels that a Prometheus adds."""


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


def test_the_responses_api_announces_its_first_token_long_before(pods: Pods, start: Start) -> None:
    async def answer(_: Pod, request: web.Request, __: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for kind in ("response.created", "response.in_progress", "response.output_text.delta", "response.completed"):
            if kind == "response.output_text.delta":
                await Pause().wait()
            await response.write(f"event: {kind}\ndata: {json.dumps({'type': kind})}\n\n".encode())
        return response

    pod = pods("qwen")
    pod.answer = answer
    gateway = start(stack(["qwen"]), qwen=pod)

    gateway.post({"model": "qwen", "input": "?", "stream": True}, path="/v1/responses")

    eventually(lambda: len(gateway.log()) == 1, "the stream is logged")
    (line,) = gateway.log()
    assert line["first_token_ms"] >= 50


def test_the_time_to_the_first_token_is_what_clients_wait(pods: Pods, start: Start, told: Told) -> None:
    pod = pods("qwen")
    # Headers at once, as from vLLM, and the first event later.
    pod.answer = stream(gates={0: Pause()})
    gateway = start(stack(["qwen"]), qwen=pod)

    def wait() -> float:
        before = time.perf_counter()
        with gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer:
            pieces = answer.iter_raw()
            begin = next(pieces)
            waited = 1000 * (time.perf_counter() - before)
            # To its end, or the gateway takes it for a client that left.
            assert b"[DONE]" in begin + b"".join(pieces)
        return waited

    def scraped(count: int) -> dict[str, str]:
        """The histogram's values, once so many streams are in it."""

        def look() -> dict[str, str]:
            text = gateway.metrics.get("/stats/prometheus").text
            return dict(re.findall(r"^(envoy_modelyard_time_to_first_token_ms_\w+{.*}) (.+)$", text, re.MULTILINE))

        eventually(
            lambda: any("ms_count" in name and value == str(count) for name, value in look().items()),
            f"{count} streams are in the histogram",
        )
        return look()

    wait()
    before = scraped(1)
    waited = [wait() for _ in range(40)]
    after = scraped(41)

    eventually(lambda: len(gateway.log()) == 41, "all streams are logged")
    logged = [line["first_token_ms"] for line in gateway.log()][1:]
    assert median(logged) == pytest.approx(median(waited), abs=5)
    # What the dashboard shows, by Prometheus's own engine, of two scrapes a minute apart.
    (shown,) = (
        query.expression
        for dashboard in dashboards(observed(), of(observed()))
        for row in dashboard.rows
        for panel in row.panels
        for query in panel.queries
        if panel.title == "Time to first token, streams" and query.legend.endswith("mean")
    )
    near = f"abs(1000 * {shown} - {fmean(waited)}) < bool 5"
    given = {name.replace("{", f"{{{POD},"): f"{before[name]} {value}" for name, value in after.items()}
    told(observed(), given, {("1m", near): {'{namespace="models", route="qwen", served_by="qwen"}': 1}})
