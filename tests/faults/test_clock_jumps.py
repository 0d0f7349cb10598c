"""Somebody sets the clock an hour forward or back: nobody who waits notices."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.exits import ExitCode
from tests.faults.clock import HOUR, Clock
from tests.faults.conftest import StartLone
from tests.gateway import fakes
from tests.gateway.conftest import Pods
from tests.gateway.fakes import Gate, Loop
from tests.gateway.harness import eventually, question, stack
from tests.serving.servers import ROOT, STAND_IN, Server, await_true, start
from tests.weights.hub import REPOSITORY, serving

pytestmark = pytest.mark.faults

JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
SLACK_SECONDS = 10
"""What a busy machine may add to a timeout."""

StartServer = Callable[..., Server]


# The gateway


@JUMPS
@pytest.mark.gateway
def test_a_gateway_finishes_what_is_under_way_and_goes_on(
    start_lone: StartLone, pods: Pods, loop: Loop, clock: Clock, jump: int
) -> None:
    qwen, plain, event = pods("qwen"), Gate(loop), Gate(loop)
    settings = stack(["qwen"], [{"model": "qwen", "timeouts": {"idleSeconds": 30, "firstByteSeconds": 30}}])
    gateway = start_lone(settings, qwen, environment=clock.environment)
    qwen.answer = fakes.after(plain)
    with ThreadPoolExecutor(1) as elsewhere:
        waits = elsewhere.submit(gateway.chat, "qwen")
        eventually(lambda: qwen.running == 1, "the model has the plain request")
        qwen.answer = fakes.stream(gates={1: event})
        with gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as streamed:
            lines = streamed.iter_lines()
            assert next(lines).startswith("data: ")
            clock.move(jump)
            assert gateway.client.get("/v1/models").status_code == 200
            event.open()
            assert [line for line in lines if line][-1] == "data: [DONE]"
        plain.open()
        assert waits.result().status_code == 200
    qwen.answer = fakes.completion
    assert {gateway.chat("qwen").status_code for _ in range(50)} == {200}
    # The clock was moved indeed.
    eventually(lambda: len(gateway.log()) >= 53, "the log has the requests")
    logged = datetime.fromisoformat(gateway.log()[-1]["time"])
    assert abs((logged - datetime.now(UTC)).total_seconds() - jump) < HOUR / 2


@JUMPS
@pytest.mark.gateway
def test_a_gateways_timeouts_are_as_long_as_they_were(
    start_lone: StartLone, pods: Pods, clock: Clock, jump: int
) -> None:
    qwen = pods("qwen")
    qwen.answer = fakes.hang
    settings = stack(["qwen"], [{"model": "qwen", "timeouts": {"firstByteSeconds": 2, "answerSeconds": 2}}])
    gateway = start_lone(settings, qwen, environment=clock.environment)
    with ThreadPoolExecutor(1) as elsewhere:
        began = time.monotonic()
        waits = elsewhere.submit(gateway.chat, "qwen")
        eventually(lambda: qwen.running == 1, "the model has the request")
        clock.move(jump)
        assert waits.result().status_code == 503
    # Envoy counts in whole milliseconds.
    assert 1.99 < time.monotonic() - began < 2 + SLACK_SECONDS


# A model's container


@pytest.fixture
def serve(tmp_path: Path, clock: Clock) -> Iterator[StartServer]:
    """Starts the entrypoint, and vLLM's stand-in below it, with the clock."""
    started: list[Server] = []

    def begin(run: str = "-m serving", told: str = "{}", **settings: str) -> Server:
        variables = {"MODELYARD_MODEL": "org/m", "MODELYARD_HANDOVER_SECONDS": "0", **settings}
        server = start(tmp_path, STAND_IN, run=run, STAND_IN=told, **clock.environment, **variables)
        started.append(server)
        return server

    yield begin
    for server in started:
        server.close()


def await_asked(server: Server, times: int = 2) -> None:
    """Wait until vLLM has requests for text, the one of its warm-up included."""
    await_true(lambda: sum("asked /v1/completions base text" in line for line in server.lines) >= times)


def complete(server: Server, tokens: int) -> bytes:
    """A streamed answer of so many tokens, 20 ms or more each."""
    asked = {"model": "base", "prompt": "x", "max_tokens": tokens, "stream": True}
    with server.ask("POST", "/v1/completions", asked) as answer:
        return answer.read()


@JUMPS
def test_a_model_that_stops_gives_its_requests_their_time(serve: StartServer, clock: Clock, jump: int) -> None:
    server = serve(MODELYARD_DRAIN_SECONDS="60").await_ready()
    with ThreadPoolExecutor(1) as elsewhere:
        answer = elsewhere.submit(complete, server, 100)
        await_asked(server)
        server.signal(signal.SIGTERM)
        server.await_line("stopping: 1 requests run")
        clock.move(jump)
        assert answer.result().endswith(b"data: [DONE]\n\n")
    assert server.ended() == ExitCode.STOPPED


@JUMPS
def test_a_model_that_stops_gives_its_requests_no_more_time(serve: StartServer, clock: Clock, jump: int) -> None:
    server = serve(MODELYARD_DRAIN_SECONDS="2", MODELYARD_HUNG_SECONDS="0").await_ready()
    assert server.status("POST", "/stand-in/hang") == 200
    with ThreadPoolExecutor(1) as elsewhere:
        answer = elsewhere.submit(server.status, "POST", "/v1/completions", {"model": "base", "prompt": "x"})
        await_asked(server)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        server.await_line("stopping: 1 requests run")
        clock.move(jump)
        assert server.ended() == ExitCode.CUT
        assert 2 <= time.monotonic() - began < 2 + SLACK_SECONDS
        assert answer.result() == 503


@JUMPS
def test_an_engine_is_found_hung_when_it_is_and_not_before(serve: StartServer, clock: Clock, jump: int) -> None:
    server = serve(MODELYARD_HUNG_SECONDS="4").await_ready()
    with ThreadPoolExecutor(1) as elsewhere:
        answer = elsewhere.submit(complete, server, 100)
        await_asked(server)
        clock.move(jump)
        assert answer.result().endswith(b"data: [DONE]\n\n")
        assert server.status("GET", "/modelyard/live") == 200

        assert server.status("POST", "/stand-in/hang") == 200
        hangs = elsewhere.submit(complete, server, 1)
        began = time.monotonic()
        clock.move(0)
        await_true(lambda: server.status("GET", "/modelyard/live") == 503)
        assert 3 <= time.monotonic() - began < 4 + SLACK_SECONDS
        server.signal(signal.SIGTERM)
        assert server.ended() == ExitCode.HUNG
        assert hangs.exception() or not hangs.result().endswith(b"data: [DONE]\n\n")


@JUMPS
def test_a_model_becomes_ready_whose_first_answer_takes_its_time(
    serve: StartServer, tmp_path: Path, clock: Clock, jump: int
) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    server = serve(told=json.dumps({"hold": str(hold)}))
    server.await_line("asked /v1/completions base text")
    clock.move(jump)
    assert server.status("GET", "/modelyard/ready") == 503
    hold.unlink()
    server.await_ready()
    assert float(server.await_line("modelyard: ready").split()[-2]) < HOUR / 2


# Weights

WEIGHTS = (2).to_bytes(8, "little") + b"{}"
"""A file of safetensors that has none."""


@JUMPS
def test_weights_are_fetched_once_by_pods_that_share_a_volume(
    serve: StartServer, tmp_path: Path, clock: Clock, jump: int
) -> None:
    with serving({"config.json": b'{"model_type": "llama"}', "model.safetensors": WEIGHTS}) as hub:
        hub.held = {"model.safetensors"}
        settings = {"MODELYARD_WEIGHTS_CACHE": str(tmp_path / "weights"), "HF_ENDPOINT": hub.url, "HF_TOKEN": ""}
        of_hub = {"MODELYARD_MODEL": REPOSITORY, "HF_HUB_OFFLINE": "0", **settings}
        first = serve("-m serving --fetch-only", **of_hub)
        hub.wait_for_file("model.safetensors")
        second = serve("-m serving --fetch-only", **of_hub)
        second.await_line("another pod fetches")
        clock.move(jump)
        hub.release()
        assert [first.ended(), second.ended()] == [ExitCode.STOPPED] * 2
        assert hub.fetched["model.safetensors"] == 1


def test_an_unfinished_file_of_another_pod_is_not_taken_for_left_behind(tmp_path: Path, clock: Clock) -> None:
    unfinished = tmp_path / "blobs" / "weights.incomplete"
    unfinished.parent.mkdir()
    unfinished.touch()
    clock.move(HOUR + 60)
    remove = f"remove_left_behind(Path({str(tmp_path)!r}))"
    program = f"from pathlib import Path; from components.manifests.weights.download import *; {remove}"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={**os.environ, **clock.environment}, check=True)
    assert unfinished.exists()
