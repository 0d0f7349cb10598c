"""The servers that are compared: bare vLLM, and the entrypoint above the same vLLM."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.serving.clients import without_ours

CHECKOUT = Path(__file__).resolve().parents[2]
READY = {"bare": "/health", "ours": "/modelyard/ready"}
"""What answers 200 once a server of a kind calls itself ready."""
POLL_SECONDS = 0.02
STOP_SECONDS = 20


@dataclass(frozen=True)
class Arm:
    """One of the servers that are compared."""

    name: str
    """What it is called in tables."""
    kind: str
    """``bare``: ``vllm serve``. ``ours``: ``python -m serving``."""
    arguments: Sequence[str] = ()
    """Further arguments of ``vllm serve``."""
    caches: str = ""
    """Its folder for caches. Servers that name the same have it in common."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further variables."""


@dataclass
class Server:
    """An arm's server, as a process."""

    arm: Arm
    """What it is."""
    port: int
    """Where it listens."""
    process: "subprocess.Popen[bytes]"
    """Its first process."""
    begun: float
    """When it was started, on the machine's clock."""
    times: dict[str, float] = field(default_factory=dict)
    """Seconds from its start until it was ``ready``, and until it had ``answered`` a request."""

    @property
    def base_url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def wait(self, until: float) -> bool:
        """Wait until it has answered a request, and say whether it has."""
        while time.monotonic() < until and self.process.poll() is None:
            if _status(self.port, "GET", READY[self.arm.kind]) == 200:
                self.times.setdefault("ready", time.monotonic() - self.begun)
                if _status(self.port, "POST", "/v1/completions") == 200:
                    self.times["answered"] = time.monotonic() - self.begun
                    return True
            time.sleep(POLL_SECONDS)
        return False

    def stop(self) -> None:
        """End it, and whatever it has started."""
        self.process.send_signal(signal.SIGINT if self.arm.kind == "bare" else signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()


def start(arm: Arm, python: str, model: Path, tokenizer: Path, port: int, folder: Path) -> Server:
    """Start an arm's server.

    Args:
        arm: what it is.
        python: the Python that has vLLM.
        model: the folder with the model's config.json.
        tokenizer: the folder with its tokenizer.
        port: where it is to listen.
        folder: for its caches, its temporary files and its log.
    """
    name = f"{arm.name}-{port}"
    environment = {
        **without_ours(),
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        # As in a pod: what is compiled is kept under HOME, and /tmp is new with every start.
        "HOME": str(_made(folder / "caches" / (arm.caches or arm.name))),
        "TMPDIR": str(_made(folder / "tmp" / name)),
        **arm.environment,
    }
    common = ["--load-format", "dummy", "--tokenizer", str(tokenizer), *arm.arguments]
    if arm.kind == "bare":
        command = [python, "-m", "vllm.entrypoints.cli.main", "serve", str(model), "--served-model-name", "m"]
        command += ["--port", str(port), *common]
    else:
        command = [python, "-m", "serving"]
        environment |= _settings(model, port, common)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CHECKOUT), environment.get("PYTHONPATH")]))
    with (folder / f"{name}.log").open("ab") as log:
        begun = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    return Server(arm, port, process, begun)


def _settings(model: Path, port: int, arguments: Sequence[str]) -> Mapping[str, str]:
    return {
        "MODELYARD_MODEL": str(model),
        # The other servers have memory of the GPU, too.
        "MODELYARD_PREFLIGHT": "warn",
        "MODELYARD_SERVED_NAMES": '["m"]',
        "MODELYARD_PORT": str(port),
        "MODELYARD_EXTRA_ARGS": json.dumps(list(arguments)),
    }


def _status(port: int, method: str, path: str) -> int:
    """The status of an answer, or 0 where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"model": "m", "prompt": "The", "max_tokens": 4}) if method == "POST" else None
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return 0
    else:
        return response.status
    finally:
        connection.close()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
