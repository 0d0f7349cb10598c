"""The entrypoint as a process: settings, the log, and the checks before the start."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.exits import ExitCode
from tests.serving.servers import STAND_IN, Server, await_true, start
from tests.weights.hub import COMMIT, REPOSITORY, Hub, serving

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
        MODELYARD_EXTRA_ARGS='["--api-key", "key-of-a-consumer", "--max-logprobs", "5"]',
        HF_TOKEN="hf_token-of-a-person",
    )
    server.ended()
    said = json.loads(server.await_line('"argv"'))
    argv = ["serve", "org/m", "--host", "127.0.0.1", "--port", str(server.port), "--shutdown-timeout", "0"]
    assert said["argv"] == [*argv, "--max-logprobs", "5", "--middleware", "serving.gate.Gate"]
    assert said["pid"] != server.process.pid
    assert f"vllm.entrypoints.cli.main {' '.join(argv)} --max-logprobs 5" in server.await_line("modelyard: starting")
    assert not any("of-a-" in line for line in server.lines)


def test_several_keys_are_refused_for_they_would_be_on_the_command_line(serve: Start) -> None:
    server = serve(MODELYARD_MODEL="org/m", MODELYARD_EXTRA_ARGS='["--api-key", "of-a-first", "of-a-second"]')
    assert server.ended() == ExitCode.SETTINGS
    assert "--api-key: 2 values cannot be kept off the command line" in server.await_line("--api-key")
    assert not any("of-a-" in line or '"argv"' in line for line in server.lines)


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


HEADER = b'{"a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}'
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(8)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving({"config.json": b'{"model_type": "llama"}', "model.safetensors": WEIGHTS}) as found:
        yield found


def of_hub(hub: Hub, folder: Path) -> dict[str, str]:
    """The variables of a server whose weights come from the hub."""
    return {
        "MODELYARD_MODEL": REPOSITORY,
        "MODELYARD_WEIGHTS_CACHE": str(folder / "weights"),
        "MODELYARD_TERMINATION_LOG": str(folder / "termination-log"),
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "",
        "HF_HUB_OFFLINE": "0",
    }


def test_vllm_gets_the_folder_that_the_weights_were_fetched_to(serve: Start, hub: Hub, tmp_path: Path) -> None:
    server = serve(**of_hub(hub, tmp_path))
    assert server.ended() == ExitCode.CRASHED
    folder = f"{tmp_path}/weights/hf/org--model/{COMMIT}"
    argv = json.loads(server.await_line('"argv"'))["argv"]
    assert argv[:4] == ["serve", folder, "--served-model-name", REPOSITORY]
    assert server.await_line("weights: ok") == "modelyard: weights: ok: 1 files, 0.00 GiB"
    assert "org/model is fetched by this package, to" in server.await_line("weights: skipped")


def test_a_job_only_fetches(serve: Start, hub: Hub, tmp_path: Path) -> None:
    job = serve(" --fetch-only", **of_hub(hub, tmp_path))
    assert job.ended() == ExitCode.STOPPED
    assert not any("starting" in line or '"argv"' in line or "gpus" in line for line in job.lines)
    hub.files["config.json"] = b"cut o"
    (tmp_path / "other").mkdir()
    broken = serve(" --fetch-only", **{**of_hub(hub, tmp_path), "MODELYARD_WEIGHTS_CACHE": f"{tmp_path}/other"})
    assert broken.ended() == ExitCode.MODEL_CONFIG
    nothing = serve(" --fetch-only", MODELYARD_MODEL=REPOSITORY)
    assert nothing.ended() == ExitCode.SETTINGS
    assert "MODELYARD_WEIGHTS_CACHE does not say where weights are kept" in nothing.message


def test_what_cannot_be_fetched_is_the_reason(serve: Start, hub: Hub, tmp_path: Path) -> None:
    hub.refusal = (403, "GatedRepo")
    server = serve(**of_hub(hub, tmp_path))
    assert server.ended() == ExitCode.TOKEN
    assert server.message.startswith("org/model: its hub refused the token (status 403): accept the model's terms")


# Stops before vLLM is started

STOPPED = [("", ExitCode.STOPPED), (" --fetch-only", ExitCode.CRASHED), (" --preflight-only", ExitCode.CRASHED)]


def assert_stops(server: Server, code: ExitCode) -> None:
    """Tell it to stop, and see it end at once as it should."""
    server.signal(signal.SIGTERM)
    assert server.ended() == code
    assert "the next start goes on with what is here" in server.await_line("Told to stop")


@pytest.mark.parametrize(("flags", "code"), STOPPED[:2])
def test_a_stop_during_the_download(serve: Start, hub: Hub, tmp_path: Path, flags: str, code: ExitCode) -> None:
    hub.held = {"model.safetensors"}
    server = serve(flags, **of_hub(hub, tmp_path))
    hub.wait_for_file("model.safetensors")
    assert_stops(server, code)
    hub.release()
    assert serve(" --fetch-only", **of_hub(hub, tmp_path)).ended() == ExitCode.STOPPED


def test_a_stop_that_the_kernel_gives_to_another_thread(serve: Start, hub: Hub, tmp_path: Path) -> None:
    hub.held = {"model.safetensors"}
    server = serve(**of_hub(hub, tmp_path))
    hub.wait_for_file("model.safetensors")
    threads = [int(thread.name) for thread in Path(f"/proc/{server.process.pid}/task").iterdir()]
    # Linux gives the signal of a process to the thread that is named, where it takes it.
    os.kill(max(threads), signal.SIGTERM)
    assert server.ended() == ExitCode.STOPPED


@pytest.mark.parametrize(("flags", "code"), STOPPED[:2])
def test_a_stop_while_the_hub_says_nothing(serve: Start, hub: Hub, tmp_path: Path, flags: str, code: ExitCode) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hub.url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        server = serve(flags, **of_hub(hub, tmp_path))
        connection = silent.accept()[0]
        assert_stops(server, code)
        connection.close()


@pytest.mark.parametrize(("flags", "code"), STOPPED[::2])
def test_a_stop_during_the_checks(serve: Start, tmp_path: Path, flags: str, code: ExitCode) -> None:
    (tmp_path / "config.json").write_text("{}")
    os.mkfifo(tmp_path / "model.safetensors")
    server = serve(flags, MODELYARD_MODEL=str(tmp_path))
    with contextlib.ExitStack() as opened:
        # From here on the check of the weights waits for what is never written.
        await_true(lambda: _opened(tmp_path / "model.safetensors", opened))
        assert_stops(server, code)


def _opened(pipe: Path, stack: contextlib.ExitStack) -> bool:
    """Open a pipe to write to it. Whether somebody reads from it."""
    try:
        stack.callback(os.close, os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(("flags", "code"), STOPPED)
def test_a_stop_while_modules_are_loaded(tmp_path: Path, flags: str, code: ExitCode) -> None:
    server = start(tmp_path, STAND_IN, run=f"-X importtime -m serving{flags}", MODELYARD_MODEL="org/m")
    server.await_line("pydantic")
    assert_stops(server, code)
    server.close()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="only root may choose a name server")
def test_a_stop_while_no_name_server_answers(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.77\n")
    bound = f'mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && exec {sys.executable} "$@"'
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec unshare --mount sh -c '{bound}' sh \"$@\"\n")
    python.chmod(0o755)
    hub.url = "http://hub.example"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.77", 53))
        server = start(tmp_path, STAND_IN, python=str(python), **of_hub(hub, tmp_path))
        silent.recv(512)
        assert_stops(server, ExitCode.STOPPED)
        server.close()


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
