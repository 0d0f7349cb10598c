"""The entrypoint as a process, with a stand-in for vLLM that says what it was started with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STAND_IN = "import json, os, sys; print(json.dumps({'pid': os.getpid(), 'argv': sys.argv[1:]}))"


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    package = tmp_path / "vllm" / "entrypoints" / "cli"
    package.mkdir(parents=True)
    (package / "main.py").write_text(STAND_IN)
    return tmp_path


def start(modules: Path, *flags: str, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "serving", *flags],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{modules}", **variables},
        cwd=modules,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_becomes_the_server_and_logs_no_secret(modules: Path) -> None:
    process = start(
        modules,
        "--port=9000",
        MODELYARD_MODEL="m",
        MODELYARD_EXTRA_ARGS='["--api-key", "key-of-a-consumer"]',
        HF_TOKEN="hf_token-of-a-person",
    )
    out, log = process.communicate(timeout=60)
    server = json.loads(out)
    assert server["pid"] == process.pid
    assert server["argv"] == [
        *("serve", "m", "--host", "0.0.0.0", "--port", "9000", "--shutdown-timeout", "120"),
        *("--api-key", "key-of-a-consumer"),
    ]
    assert log.splitlines() == [
        f"starting: {sys.executable} -m vllm.entrypoints.cli.main serve m --host 0.0.0.0 --port 9000 "
        "--shutdown-timeout 120 --api-key '***'"
    ]


def test_settings_that_cannot_work_end_it(modules: Path) -> None:
    process = start(modules, "--bogus=1", MODELYARD_PROT="1")
    out, log = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert log.splitlines() == [
        "MODELYARD_PROT: there is no such setting, and nothing would read it: correct or remove it",
        "--bogus: the server has no such setting: correct it, or put vLLM's own arguments into --extra-args",
    ]
