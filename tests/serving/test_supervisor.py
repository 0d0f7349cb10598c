"""`python -m serving` above a stand-in for vLLM: start, stop and every way to fail."""

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.cgroup import oom_kills
from serving.exits import ExitCode
from tests.serving.servers import STAND_IN, Server, await_true, children, start

Start = Callable[..., Server]

COMPLETION = {"model": "base", "prompt": "x", "max_tokens": 1}


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Start]:
    """Starts a server over the stand-in; keywords are settings, ``told`` is what the stand-in does."""
    started: list[Server] = []

    def begin(told: dict[str, object] | None = None, run: str = "-m serving", **settings: object) -> Server:
        values = {"model": "org/model", "handover_seconds": 0, "drain_seconds": 20, "hung_seconds": 0, **settings}
        environment = {f"MODELYARD_{name.upper()}": str(value) for name, value in values.items()}
        server = start(tmp_path, STAND_IN, run=run, STAND_IN=json.dumps(told or {}), **environment)
        started.append(server)
        return server

    yield begin
    for server in started:
        server.close()


class Asking:
    """A request in a thread of its own."""

    def __init__(self, server: Server, tokens: int, *, stream: bool) -> None:
        self.begun = threading.Event()
        self.status = 0
        self.text = b""
        self.broken = False
        self._server = server
        self._body = {**COMPLETION, "max_tokens": tokens, "stream": stream}
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        response = self._server.ask("POST", "/v1/completions", self._body)
        self.status = response.status
        with response:
            self._read(response)

    def _read(self, response: http.client.HTTPResponse) -> None:
        try:
            while piece := response.read1(100):
                self.text += piece
                self.begun.set()
        except (http.client.HTTPException, OSError):
            self.broken = True

    def done(self, seconds: float = 20) -> "Asking":
        self._thread.join(seconds)
        assert not self._thread.is_alive()
        return self


def asking(server: Server, tokens: int, *, stream: bool = True) -> Asking:
    """A request of which the server is at work."""
    found = Asking(server, tokens, stream=stream)
    if stream:
        assert found.begun.wait(20)
    else:
        await_true(lambda: sum("asked /v1/completions base text" in line for line in server.lines) > 1)
    return found


def ready(server: Server) -> tuple[int, str]:
    response = server.ask("GET", "/modelyard/ready")
    return response.status, response.read().decode().strip()


def test_it_is_ready_only_once_a_real_request_was_answered(serve: Start, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    server = serve({"hold": str(hold)})
    server.await_line("asked /v1/completions")
    assert ready(server) == (503, "starting: no request was answered yet")
    assert server.status("GET", "/health") == 503
    assert server.status("GET", "/modelyard/live") == 200
    hold.unlink()
    server.await_ready()
    assert ready(server) == (200, "ok")
    assert server.status("GET", "/health") == 200


def test_it_warms_up_what_the_settings_ask_for_and_every_adapter(serve: Start) -> None:
    server = serve(warm_up_tokens=[7, 300]).await_ready()
    assert [line for line in server.lines if line.startswith("asked")] == [
        "asked /v1/completions base text",
        "asked /v1/completions base 7",
        "asked /v1/completions base 300",
        "asked /v1/completions adapter text",
    ]


@pytest.mark.parametrize(
    ("tasks", "asked"),
    [
        (["transcription"], "asked /v1/audio/transcriptions None text"),
        (["embed", "token_embed"], "asked /v1/embeddings base text"),
        (["classify"], "asked /classify base text"),
        (["token_classify"], "asked /pooling base text"),
    ],
)
def test_it_asks_a_model_what_it_is_there_for(serve: Start, tasks: list[str], asked: str) -> None:
    server = serve({"tasks": tasks}).await_ready()
    assert [line for line in server.lines if line.startswith("asked")] == [asked]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"status": 500}, "the server was asked for a completion, and answered 500: told so"),
        ({"generated": 0}, "the server was asked for a completion, and generated no token"),
    ],
)
def test_a_server_that_answers_its_first_request_wrongly_is_never_ready(
    serve: Start, told: dict[str, object], why: str
) -> None:
    server = serve(told)
    assert server.ended() == ExitCode.WARM_UP
    assert server.message == f"The warm-up failed: {why}."
    assert not any("modelyard: ready" in line for line in server.lines)


def test_sigterm_lets_a_stream_end_and_refuses_what_is_new(serve: Start) -> None:
    server = serve().await_ready()
    running = asking(server, tokens=100)
    server.signal(signal.SIGTERM)
    server.await_line("stopping: 1 requests run")
    assert ready(server) == (503, "stopping")
    await_true(lambda: server.status("POST", "/v1/completions", COMPLETION) == 503)
    refused = server.ask("POST", "/v1/completions", COMPLETION)
    assert refused.getheader("retry-after") == "1"
    assert refused.getheader("x-envoy-immediate-health-check-fail") == "true"
    assert json.loads(refused.read())["error"] == {
        "message": "This server is stopping: try again in 1 second.",
        "type": "server_error",
        "param": None,
        "code": "service_unavailable",
    }
    assert server.status("GET", "/v1/models") == 200
    assert running.done().text.count(b"token") == 100
    assert running.text.endswith(b"data: [DONE]\n\n")
    assert server.ended() == ExitCode.STOPPED
    assert server.message == ""


def test_new_requests_are_taken_until_the_gateway_can_know(serve: Start) -> None:
    server = serve(handover_seconds=20).await_ready()
    server.signal(signal.SIGTERM)
    server.await_line("modelyard: stopping")
    assert ready(server) == (503, "stopping")
    health = server.ask("GET", "/health")
    health.read()
    assert (health.status, health.getheader("x-envoy-immediate-health-check-fail")) == (503, "true")
    assert server.status("POST", "/v1/completions", COMPLETION) == 200


def test_without_requests_it_stops_when_the_handover_is_over(serve: Start) -> None:
    server = serve(handover_seconds=0.5).await_ready()
    begun = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.ended() == ExitCode.STOPPED
    assert 0.5 <= time.monotonic() - begun < 10


def test_a_stream_longer_than_the_drain_is_cut_without_its_end(serve: Start) -> None:
    server = serve(drain_seconds=1).await_ready()
    running = asking(server, tokens=10_000)
    server.signal(signal.SIGTERM)
    assert server.ended() == ExitCode.CUT
    assert running.done().broken
    assert b"[DONE]" not in running.text
    assert server.message == (
        "1 requests still ran when 1 s had passed, and were cut: set probes.drainSeconds above the longest answer, "
        "which is 1 now."
    )


def test_a_plain_answer_that_comes_too_late_is_a_503_which_a_gateway_can_mend(serve: Start) -> None:
    server = serve(drain_seconds=1).await_ready()
    running = asking(server, tokens=10_000, stream=False)
    server.signal(signal.SIGTERM)
    assert server.ended() == ExitCode.CUT
    assert running.done().status == 503


def test_a_second_sigterm_does_not_wait(serve: Start) -> None:
    server = serve(drain_seconds=600).await_ready()
    running = asking(server, tokens=10_000)
    server.signal(signal.SIGTERM)
    server.await_line("modelyard: stopping")
    server.signal(signal.SIGTERM)
    assert server.ended() == ExitCode.CUT
    assert running.done().broken
    assert server.message == "1 requests still ran when it was told to stop a second time, and were cut."


def test_sigterm_during_the_start_ends_it(serve: Start) -> None:
    server = serve({"never": True})
    server.await_line('"argv"')
    server.signal(signal.SIGTERM)
    assert server.ended() == ExitCode.STOPPED


def test_sigterm_during_the_warm_up_ends_it(serve: Start, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    server = serve({"hold": str(hold)})
    server.await_line("asked /v1/completions")
    hold.unlink()
    server.signal(signal.SIGTERM)
    assert server.ended() == ExitCode.STOPPED


def test_a_server_that_does_not_end_is_killed(serve: Start) -> None:
    impatient = (
        "-c import sys, serving.supervisor as made; made.STOP_SECONDS = 0.5; "
        "from serving.__main__ import main; sys.exit(main())"
    )
    server = serve({"deaf": True}, run=impatient).await_ready()
    server.signal(signal.SIGTERM)
    assert server.ended() == ExitCode.STOPPED
    assert any("vLLM did not end in time" in line for line in server.lines)


def test_a_crash_at_the_start_is_explained(serve: Start) -> None:
    server = serve({"exit": 1, "say": "(EngineCore pid=7) ERROR 11-23 03:00:00 [core.py:1] ValueError: bad head size"})
    assert server.ended() == ExitCode.ARGUMENTS
    assert server.message == (
        "vLLM does not take its settings (ValueError: bad head size): correct engine or extraArgs."
    )


def test_a_server_that_ends_by_itself_is_no_success(serve: Start) -> None:
    server = serve({"exit": 0})
    assert server.ended() == ExitCode.CRASHED
    assert server.message == "vLLM ended by itself with exit code 0: the container's log says more."


def test_a_crash_later_is_explained(serve: Start) -> None:
    server = serve().await_ready()
    with pytest.raises((http.client.HTTPException, OSError)):
        server.ask("POST", "/stand-in/crash")
    assert server.ended() == ExitCode.GPU_MEMORY
    assert server.message.startswith("The GPU ran out of memory (torch.OutOfMemoryError: CUDA out of memory. Tried to ")


def test_a_dead_engine_takes_the_server_down(serve: Start) -> None:
    server = serve().await_ready()
    assert server.status("POST", "/stand-in/engine-dies") == 200
    assert server.ended(15) == ExitCode.CRASHED
    assert server.message == "vLLM's engine died: the container's log says more."


def test_a_hung_engine_is_not_live_and_is_not_waited_for(serve: Start) -> None:
    server = serve(hung_seconds=1, drain_seconds=600).await_ready()
    assert server.status("POST", "/stand-in/hang") == 200
    assert server.status("GET", "/modelyard/live") == 200
    running = asking(server, tokens=5, stream=False)
    await_true(lambda: server.status("GET", "/modelyard/live") == 503)
    assert ready(server) == (503, "the engine has requests, and has made no step for 1 seconds")
    server.signal(signal.SIGTERM)
    assert server.ended() == ExitCode.HUNG
    assert running.done().status == 503
    assert server.message.startswith("The engine had requests and made no step for 1 s, so it was ended: ")


def test_a_busy_engine_is_live(serve: Start) -> None:
    server = serve(hung_seconds=0.6).await_ready()
    running = asking(server, tokens=150)
    alive = []
    while not running.text.endswith(b"[DONE]\n\n") and not running.broken:
        alive.append(server.status("GET", "/modelyard/live"))
    running.done()
    assert set(alive) == {200}


def test_a_killed_server_takes_its_workers_along(serve: Start) -> None:
    server = serve().await_ready()
    assert server.status("POST", "/stand-in/start-a-worker") == 200
    worker = int(server.await_line("worker ").split()[1])
    (pid,) = children(server.process.pid)
    os.kill(pid, signal.SIGKILL)
    # Where the kernel counts what it kills for want of memory, this was not it.
    expected = ExitCode.HOST_MEMORY if oom_kills() is None else ExitCode.CRASHED
    assert server.ended() == expected
    # Whose child it is then takes note of its end in its own time.
    await_true(lambda: not Path(f"/proc/{worker}").exists())


def test_what_the_server_leaves_behind_is_taken_up(serve: Start) -> None:
    server = serve().await_ready()
    assert server.status("POST", "/stand-in/leave-an-orphan") == 200
    orphan = int(server.await_line("orphan ").split()[1])
    await_true(lambda: not Path(f"/proc/{orphan}").exists())
    assert list(children(server.process.pid).values()) != ["Z"]


def test_other_signals_go_through(serve: Start) -> None:
    server = serve().await_ready()
    server.signal(signal.SIGUSR1)
    server.await_line("heard USR1")


def test_what_vllm_writes_comes_through_without_secrets(serve: Start) -> None:
    server = serve(
        {"say": "ünchanged {line} key-of-a-consumer and hf_token_of_a_person"},
        extra_args='["--api-key", "key-of-a-consumer"]',
    )
    assert server.await_line("ünchanged") == "ünchanged {line} *** and hf_token_of_a_person"


def test_a_worker_of_another_node_is_ready_without_a_request(serve: Start) -> None:
    server = serve({"never": True}, headless="true")
    argv = json.loads(server.await_line('"argv"'))["argv"]
    assert "--headless" in argv
    assert "--middleware" not in argv
    server.signal(signal.SIGTERM)
    assert server.ended() == ExitCode.STOPPED
