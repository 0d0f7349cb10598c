"""What the gateway counts is what its clients were told."""

import json
import math
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Pod, completion_object, error, hang
from tests.gateway.harness import Gateway, eventually, question, stack

pytestmark = pytest.mark.gateway

REQUESTS = 1_000
SECRET = "the-secret-of-the-prompt"
KEYS = {"alice": "key-of-alice", "bob": "key-of-bob"}
SETTINGS = stack(
    ["qwen", "gemma"],
    [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}],
    auth={"consumers": [{"name": name, "keys": [key]} for name, key in KEYS.items()]},
)


def vllm(pod: Pod, rng: random.Random) -> None:
    """Has a pod answer as vLLM does: with any count, an error now and then, and streams cut anywhere."""

    async def reply(_: Pod, request: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
        if rng.random() < 0.15:
            return error(rng.choice([400, 500, 503]), "from the pod")
        usage: dict[str, Any] = {"prompt_tokens": rng.randrange(1, 5000), "completion_tokens": rng.randrange(300)}
        usage["total_tokens"] = sum(usage.values())
        if rng.random() < 0.3:
            usage["prompt_tokens_details"] = {"cached_tokens": rng.randrange(1, usage["prompt_tokens"] + 1)}
        if not fields.get("stream"):
            return web.json_response({**completion_object(pod, fields), "usage": usage})
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        response.headers["x-usage"] = json.dumps(usage)
        await response.prepare(request)
        data = b"".join(_events(fields, usage, rng.randrange(1, 6)))
        while data:
            cut = rng.randrange(1, len(data) + 1)
            await response.write(data[:cut])
            data = data[cut:]
        return response

    pod.answer = reply


def _events(fields: dict[str, Any], usage: dict[str, Any], number: int) -> list[bytes]:
    text = {"index": 0, "delta": {"content": 'ü "usage": {"prompt_tokens": 7}'}}
    bodies: list[dict[str, Any]] = [{"choices": [text]}] * number
    if (fields.get("stream_options") or {}).get("include_usage"):
        bodies.append({"choices": [], "usage": usage})
    return [*(f"data: {json.dumps(body)}\n\n".encode() for body in bodies), b"data: [DONE]\n\n"]


@dataclass
class Told:
    """What the clients were told, by route, model that served, and consumer."""

    tokens: dict[str, Counter[tuple[str, str, str]]] = field(
        default_factory=lambda: {"input": Counter(), "output": Counter(), "cached_input": Counter()}
    )
    requests: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)

    def add(self, key: tuple[str, str, str], usage: dict[str, Any]) -> None:
        self.tokens["input"][key] += usage["prompt_tokens"]
        self.tokens["output"][key] += usage["completion_tokens"]
        self.tokens["cached_input"][key] += usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)


def ask(gateway: Gateway, rng: random.Random, told: Told) -> None:
    consumer = rng.choice(list(KEYS))
    model = rng.choice(["qwen", "qwen", "gemma", "nobody"])
    fields: dict[str, Any] = {"stream": rng.random() < 0.6}
    asked = rng.choice([None, True, False]) if fields["stream"] else None
    if asked is not None:
        fields["stream_options"] = {"include_usage": asked}
    body = {**question(model, **fields), "note": SECRET}

    answer = gateway.post(body, headers={"x-api-key": KEYS[consumer]})

    served_by = answer.headers.get("x-modelyard-served-by", "")
    route = "" if model == "nobody" else model
    if answer.status_code == 503:  # of whom the last one tried is counted
        served_by = "gemma"
    told.requests[route, served_by, consumer, str(answer.status_code)] += 1
    if answer.status_code != 200:
        return
    if not fields["stream"]:
        told.add((model, served_by, consumer), answer.json()["usage"])
        return
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line and line != "data: [DONE]"]
    assert answer.text.endswith("data: [DONE]\n\n")
    counts = [each["usage"] for each in events if not each["choices"]]
    assert len(counts) == bool(asked)
    usage = json.loads(answer.headers["x-usage"])
    assert counts in ([], [usage])
    told.add((model, served_by, consumer), usage)


def series(gateway: Gateway, name: str) -> Counter[tuple[str, ...]]:
    """The values of a metric by the values of its labels, without those that are 0."""
    found: Counter[tuple[str, ...]] = Counter()
    for line in gateway.metrics.get("/stats/prometheus").text.splitlines():
        if match := re.fullmatch(rf"envoy_modelyard_{name}{{(.*)}} (\d+)", line):
            found[tuple(re.findall(r'="([^"]*)"', match[1]))] = int(match[2])
    return +found


def test_counts_of_a_thousand_requests(tmp_path: Path, pods: Pods, start: Start) -> None:
    rng = random.Random(8)  # noqa: S311
    qwen, gemma = pods("qwen"), pods("gemma")
    vllm(qwen, rng)
    vllm(gemma, rng)
    gateway = start(SETTINGS, qwen=qwen, gemma=gemma)
    told = Told()

    for _ in range(REQUESTS):
        ask(gateway, rng, told)
    eventually(lambda: len(gateway.log()) == REQUESTS, "every request is logged")

    for name, counts in told.tokens.items():
        assert series(gateway, f"{name}_tokens_total") == +counts
    assert series(gateway, "requests_total") == told.requests
    errors = series(gateway, "errors_total")
    assert sum(errors.values()) == sum(n for key, n in told.requests.items() if int(key[3]) >= 400)
    log = gateway.log()
    fallbacks = Counter((line["fallback_from"], line["served_by"], "2") for line in log if line["fallback_from"])
    assert fallbacks
    assert series(gateway, "fallbacks_total") == fallbacks
    for name in ("input", "output"):
        logged: Counter[tuple[str, str, str]] = Counter()
        for line in log:
            if line[f"{name}_tokens"] is not None:
                logged[line["route"], line["served_by"], line["consumer"]] += line[f"{name}_tokens"]
        assert +logged == +told.tokens[name]
    written = (tmp_path / "log").read_text() + (tmp_path / "errors").read_text()
    assert SECRET not in written
    assert not [key for key in KEYS.values() if key in written]
    assert "lua" not in (tmp_path / "errors").read_text()


def test_times_are_in_the_metrics(pods: Pods, start: Start) -> None:
    gateway = start(stack(["qwen"]), qwen=pods("qwen"))
    gateway.chat("qwen")
    gateway.chat("qwen", stream=True)

    def counts() -> dict[str, Counter[tuple[str, ...]]]:
        names = ("duration_ms", "upstream_ms", "before_upstream_us", "time_to_first_token_ms")
        return {name: series(gateway, f"{name}_count") for name in names}

    expected = {
        "duration_ms": Counter({("qwen", "qwen"): 2}),
        "upstream_ms": Counter({("qwen", "qwen"): 2}),
        "before_upstream_us": Counter({("qwen",): 2}),
        "time_to_first_token_ms": Counter({("qwen", "qwen"): 1}),
    }
    eventually(lambda: counts() == expected, "histograms are filled at Envoy's next flush")


def test_what_failed_before_a_fallback_is_in_a_bucket(pods: Pods, start: Start) -> None:
    qwen = pods("qwen")
    qwen.answer = hang
    routes = [{"model": "qwen", "fallback": ["gemma"], "timeouts": {"firstByteSeconds": 0.7, "answerSeconds": 0.7}}]
    gateway = start(stack(["qwen", "gemma"], routes), qwen=qwen, gemma=pods("gemma"))
    gateway.chat("qwen")

    def below() -> dict[float, int]:
        """Requests by the bounds that they are below, in seconds."""
        text = gateway.metrics.get("/stats/prometheus").text
        found = re.findall(r'envoy_modelyard_before_upstream_us_bucket{.*le="([^"]*)"} (\d+)', text)
        return {float(bound) / 1_000_000: int(count) for bound, count in found}

    eventually(lambda: 1 in below().values(), "the histogram is filled at Envoy's next flush")
    bounds = below()
    assert min(bound for bound, count in bounds.items() if count) == 1
    assert bounds.keys() >= {0.0001, 0.001, 1, 60, 600, math.inf}
    assert len(bounds) <= 21


def test_clients_cannot_make_series(pods: Pods, start: Start) -> None:
    gateway = start(stack(["qwen"]), qwen=pods("qwen"))

    for number in range(20):
        headers = {"x-modelyard-consumer": f"c{number}", "x-modelyard-model": f"m{number}"}
        gateway.client.post("/v1/chat/completions", json=question(f"model-{number}"), headers=headers)
        gateway.client.get(f"/v1/path-{number}")

    assert series(gateway, "requests_total") == Counter({("", "", "", "404"): 40})


def test_large_requests_leave_no_memory_behind(pods: Pods, start: Start) -> None:
    gateway = start(stack(["qwen"]), qwen=pods("qwen"))

    def resident_mib() -> int:
        return gateway.resident_kib() // 1024

    for _ in range(3):
        assert gateway.chat("qwen", stream=True, padding="x" * 16_000_000).status_code == 200
    before = resident_mib()

    for _ in range(15):
        assert gateway.chat("qwen", stream=True, padding="x" * 16_000_000).status_code == 200

    assert resident_mib() - before < 150


def test_a_stream_is_counted_however_it_is_asked_for(pods: Pods, start: Start) -> None:
    gateway = start(stack(["qwen"]), qwen=pods("qwen"))
    ways: list[object] = [True, 1, 1.0, "true", "Yes"]

    for written in ways:
        answer = gateway.chat("qwen", stream=written, stream_options={"include_usage": False})
        assert answer.text.endswith("data: [DONE]\n\n")
        assert '"usage"' not in answer.text

    expected = Counter({("qwen", "qwen", ""): 3 * len(ways)})
    eventually(lambda: series(gateway, "output_tokens_total") == expected, "all of them are counted")
