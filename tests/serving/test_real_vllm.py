"""`python -m serving` above the real vLLM for CPUs, with a small model: what the stand-in cannot prove."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

from local.paths import Paths
from serving.exits import ExitCode
from tests.serving.servers import Server, await_true, start

pytestmark = pytest.mark.vllm

HUNG_SECONDS = 4
DRAIN_SECONDS = 8
START_SECONDS = 240
"""Patient: these tests share two cores with whatever else runs."""


def serve(folder: Path, **settings: object) -> Server:
    paths = Paths.from_environment()
    python = paths.vllm / "bin" / "python"
    assert python.exists(), f"there is no {python}: run `make setup`"
    values = {
        "model": paths.models / "smollm2-135m-instruct",
        "served_names": '["small"]',
        "dtype": "bfloat16",
        "enforce_eager": "true",
        "max_model_len": 2048,
        "kv_cache_memory_bytes": 2**28,
        "hung_seconds": HUNG_SECONDS,
        "drain_seconds": DRAIN_SECONDS,
        "handover_seconds": 1,
        **settings,
    }
    return start(
        folder,
        Path("/nonexistent"),
        python=str(python),
        VLLM_CACHE_ROOT=str(paths.vllm / "cache"),
        HF_HUB_OFFLINE="1",
        VLLM_NO_USAGE_STATS="1",
        OMP_NUM_THREADS="1",
        **{f"MODELYARD_{name.upper()}": str(value) for name, value in values.items()},
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests here, the last of which ends it."""
    found = serve(tmp_path_factory.mktemp("serving"), warm_up_tokens="[64]")
    yield found
    found.close()


def completion(tokens: int, *, stream: bool = False) -> dict[str, object]:
    return {"model": "small", "prompt": "Once", "max_tokens": tokens, "ignore_eos": True, "stream": stream}


def engine_process(server: Server) -> int:
    """The process in which the engine makes its steps."""
    group = next(int(line.split("pid=")[1].split(")")[0]) for line in server.lines if "(EngineCore pid=" in line)
    assert Path(f"/proc/{group}").exists()
    return group


class Asking(threading.Thread):
    """A request, and what came of it."""

    def __init__(self, server: Server, tokens: int, *, stream: bool = False) -> None:
        super().__init__()
        self.text = b""
        self.status = 0
        self.broken = False
        self.begun = threading.Event()
        self._server, self._body = server, completion(tokens, stream=stream)
        self.start()

    def run(self) -> None:
        with self._server.ask("POST", "/v1/completions", self._body, timeout=120) as response:
            self.status = response.status
            try:
                while piece := response.read1(4096):
                    self.text += piece
                    self.begun.set()
            except (HTTPException, OSError):
                self.broken = True


def test_ready_only_after_a_generated_token(server: Server) -> None:
    server.await_line("Application startup complete", START_SECONDS)
    assert "modelyard: warm: 2 requests" in server.await_line("modelyard: warm")
    server.await_ready()
    await_true(lambda: sum("POST /v1/completions" in line for line in server.lines) == 2)
    for path in ("/modelyard/ready", "/modelyard/live", "/health"):
        assert server.status("GET", path) == 200


def test_a_hung_engine_is_noticed_and_a_busy_one_is_left_alone(server: Server) -> None:
    engine = engine_process(server)
    os.kill(engine, signal.SIGSTOP)
    try:
        waiting = Asking(server, 2)
        await_true(lambda: server.status("GET", "/modelyard/live") == 503, HUNG_SECONDS + 6)
        assert server.status("GET", "/modelyard/ready") == 503
    finally:
        os.kill(engine, signal.SIGCONT)
    waiting.join(60)
    assert waiting.status == 200
    await_true(lambda: server.status("GET", "/modelyard/live") == 200)

    busy = Asking(server, 600)
    seen = set()
    while busy.is_alive():
        seen.add(server.status("GET", "/modelyard/live"))
        busy.join(0.5)
    assert (busy.status, seen) == (200, {200})


def test_stop_ends_streams_that_fit_and_cuts_those_that_do_not(server: Server) -> None:
    long = Asking(server, 2040, stream=True)
    assert long.begun.wait(60)
    short = Asking(server, 20, stream=True)
    assert short.begun.wait(60)
    begun = time.monotonic()
    server.signal(signal.SIGTERM)
    await_true(lambda: server.status("GET", "/health") == 503)
    await_true(lambda: server.status("POST", "/v1/completions", completion(1)) == 503)
    short.join(60)
    assert not short.broken
    assert short.text.endswith(b"data: [DONE]\n\n")
    code = server.ended(60)
    took = time.monotonic() - begun
    long.join(10)
    if long.text.endswith(b"data: [DONE]\n\n"):
        pytest.fail(f"2040 tokens took no longer than {took:.1f} s: make the drain shorter than them")
    assert long.broken
    assert code == ExitCode.CUT
    assert DRAIN_SECONDS <= took < DRAIN_SECONDS + 10
    assert server.message.startswith("1 requests still ran when 8 s had passed, and were cut: ")


def test_a_dead_engine_takes_the_pod_down_with_its_reason(tmp_path: Path) -> None:
    server = serve(tmp_path)
    try:
        server.await_ready(START_SECONDS)
        begun = time.monotonic()
        os.kill(engine_process(server), signal.SIGABRT)
        code = server.ended(30)
        assert time.monotonic() - begun < 15
        assert code == ExitCode.CRASHED
        assert server.message.startswith("vLLM's engine died")
    finally:
        server.close()


def test_an_argument_that_vllm_refuses_is_named(tmp_path: Path) -> None:
    server = serve(tmp_path, extra_args='["--max-logprobs=many"]')
    try:
        assert server.ended(START_SECONDS) == ExitCode.ARGUMENTS
        assert server.message.startswith(
            "vLLM does not take its settings (main.py serve: error: argument --max-logprobs: "
        )
    finally:
        server.close()
