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
        "MODELYARD_PROT: there is no such setting, and nothing would read it: write MODELYARD_PORT, or remove it",
        "--bogus: the server has no such setting: correct it, or put vLLM's own arguments into --extra-args",
    ]


def test_a_failed_check_refuses_the_start(serve: Start, tmp_path: Path) -> None:
    server = serve(MODELYARD_MODEL=str(tmp_path))
    assert server.ended() == ExitCode.MODEL_CONFIG
    assert not any('"argv"' in line for line in server.lines)
    assert server.message == (
        f"model-config: {tmp_path} has no config.json, from which vLLM learns what model it is: correct the model's "
        "source, or copy its whole repository there."
    )
    assert "modelyard: weights: failed: " in server.await_line("modelyard: weights")


def test_a_failed_check_can_be_a_warning(serve: Start, tmp_path: Path) -> None:
    server = serve(MODELYARD_MODEL=str(tmp_path), MODELYARD_PREFLIGHT="warn")
    assert server.ended() == ExitCode.CRASHED
    assert any('"argv"' in line for line in server.lines)


def test_an_init_container_only_checks(serve: Start, tmp_path: Path) -> None:
    assert serve(" --preflight-only", MODELYARD_MODEL=str(tmp_path)).ended() == ExitCode.MODEL_CONFIG
    fine = serve(" --preflight-only", MODELYARD_MODEL="org/m")
    assert fine.ended() == ExitCode.STOPPED
    assert not any("starting" in line or '"argv"' in line for line in fine.lines)


@pytest.mark.parametrize(
    ("name", "value"), [("WARM_UP_TOKENS", "[0]"), ("WARM_UP_TOKENS", "512"), ("WARM_UP_TOKENS", "[true]")]
)
def test_lengths_are_whole_numbers(serve: Start, name: str, value: str) -> None:
    server = serve(**{"MODELYARD_MODEL": "org/m", f"MODELYARD_{name}": value})
    assert server.ended() == ExitCode.SETTINGS
    assert server.lines == [
        "MODELYARD_WARM_UP_TOKENS: the value cannot be used, it is no JSON list of whole numbers above 0: write one "
        "like [512, 8192]"
    ]
