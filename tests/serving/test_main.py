"""The entrypoint as a process: settings, the log, and the checks before the start."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.exits import ExitCode
from tests.serving.servers import STAND_IN, Server, start

Start = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Start]:
    started: list[Server] = []

    def begin(flags: str = "", **variables: str) -> Server:
        started.append(start(tmp_path, STAND_IN, run=f"-m serving{flags}", STAND_IN='{"exit": 0}', **variables))
        return started[-1]

    yield begin
    for server in started:
        server.close()


def test_vllm_gets_its_arguments_and_the_log_no_secret(serve: Start) -> None:
    server = serve(
        MODELYARD_MODEL="org/m",
        MODELYARD_EXTRA_ARGS='["--api-key", "key-of-a-consumer"]',
        HF_TOKEN="hf_token-of-a-person",
    )
    server.ended()
    said = json.loads(server.await_line('"argv"'))
    argv = ["serve", "org/m", "--host", "127.0.0.1", "--port", str(server.port), "--shutdown-timeout", "0"]
    assert said["argv"] == [*argv, "--api-key", "***", "--middleware", "serving.gate.Gate"]
    assert said["pid"] != server.process.pid
    assert f"vllm.entrypoints.cli.main {' '.join(argv)} --api-key '***'" in server.await_line("modelyard: starting")
    assert not any("of-a-" in line for line in server.lines)


def test_settings_that_cannot_work_end_it(serve: Start) -> None:
    server = serve(" --bogus=1", MODELYARD_PROT="1")
    assert server.ended() == ExitCode.SETTINGS
    assert server.lines == [
        "MODELYARD_PROT: there is no such setting, and nothing would read it: correct or remove it",
        "--bogus: the server has no such setting: correct it, or put vLLM's own arguments into --extra-args",
    ]
