"""No secret of a stack is seen anywhere but in the Secrets that it is for.

Every kind of secret is a canary. The real CLI previews, updates and updates again on a file backend, with stand-ins for
the providers, which write down what they are given.
"""

import base64
import gzip
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.plugins.checkout import checkout_in, init
from tests.plugins.conftest import Cli
from tests.security.keeper import FOLDER, MADE

pytestmark = pytest.mark.pulumi

BOTH = {
    "modelyard:huggingFaceToken": "hf_canary-token-of-the-hub",
    "modelyard:cluster.kubeconfigContents": "token: canary-of-the-kubeconfig",
    "modelyard:gateway.auth.consumers[0].keys[0]": "canary-key-of-alice-one",
    "modelyard:gateway.auth.consumers[0].keys[1]": "canary-key-of-alice-two",
    "modelyard:gateway.auth.consumers[1].keys[0]": "canary-key-of-bob",
}
HIGRESS = {
    "modelyard:gateway.console.adminPassword": "canary-password-of-the-console",
    "modelyard:gateway.redis.password": "canary-password-of-redis",
    "modelyard:gateway.securityGuard.accessKey": "canary-access-key",
    "modelyard:gateway.securityGuard.secretKey": "canary-secret-key",
}
CONSUMERS = {"consumers": [{"name": "alice"}, {"name": "bob"}]}
STACK = {
    "modelyard:cluster": {"kind": "existing"},
    "modelyard:pools": [{"name": "gpu", "gpuModel": "NVIDIA-L4", "gpuMemoryGib": 24, "minNodes": 1, "maxNodes": 2}],
    "modelyard:models": [
        {"name": "qwen", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "pool": "gpu"},
        {"name": "gemma", "source": "hf://google/gemma-2-2b-it", "pool": "gpu", "backend": "native"},
    ],
    "modelyard:routes": [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma", "consumers": ["alice"]}],
    "modelyard:verify": {"enabled": False},
    "modelyard:fit": {"check": "off"},
}
GATEWAYS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "envoy": ({"kind": "envoy", "auth": CONSUMERS}, BOTH),
    "higress": (
        {
            "kind": "higress",
            "domain": "llm.example.com",
            "auth": CONSUMERS,
            "redis": {"host": "redis.example.com"},
            "securityGuard": {"host": "green.example.com"},
            "console": {},
        },
        BOTH | HIGRESS,
    ),
}
SECRET = "kubernetes:core.v1:Secret@"


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it may stand somewhere: plain, or in base64, by itself or as a part of something longer."""
    yield secret.encode()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + secret.encode())
        # What the neighbours are part of is left out.
        yield encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]


def leaks(content: bytes, secrets: Mapping[str, str]) -> set[str]:
    """The secrets that stand in something."""
    everything = {**secrets, "made": MADE}
    return {name for name, secret in everything.items() if any(form in content for form in forms(secret))}


class Watch:
    """The command lines of all processes that this one has started, as long as it watches."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(0.1):
            for process in me.children(recursive=True):
                try:
                    self.seen.add("\n".join(process.cmdline()))
                except psutil.Error:
                    continue

    @contextmanager
    def watching(self) -> Iterator[None]:
        self._thread.start()
        yield
        self._stop.set()
        self._thread.join()


@pytest.mark.parametrize("kind", GATEWAYS)
def test_no_secret_is_seen(cli: Cli, tmp_path: Path, kind: str) -> None:
    gateway, secrets = GATEWAYS[kind]
    kept = tmp_path / "kept"
    kept.mkdir()
    there = checkout_in(cli, Path(sys.prefix), ("kubernetes", "random"), "tests.security.keeper")
    there.environment.update({FOLDER: str(kept), "PULUMI_DEBUG_COMMANDS": "true"})
    file = init(there, kind, {**STACK, "modelyard:gateway": gateway})
    given = [word for path, secret in secrets.items() for word in ("--secret", f"{path}={secret}")]
    there.run("config", "set-all", "--path", *given)
    said, watch, log = [], Watch(), tmp_path / "events.json"

    with watch.watching():
        said.append(there.run("preview", "--json"))
        said.append(there.run("up", "--yes", "--skip-preview", "--diff", f"--event-log={log}"))
        assert log.stat().st_size > 1000
        said += [log.read_text(), there.run("stack", "output", "--json"), there.run("stack", "export")]
        # Changed secrets: what was and what is may both be shown in a diff.
        there.run("config", "set", "--secret", "--path", "modelyard:gateway.auth.consumers[1].keys[0]", "x" * 40)
        said.append(there.run("up", "--yes", "--diff", "--skip-preview", f"--event-log={log}"))
        said += [log.read_text(), there.run("stack", "history", "--json"), there.run("stack", "output")]

    for text in (*said, file.read_text()):
        assert leaks(text.encode(), secrets) == set()
    assert len(watch.seen) > 5
    assert any("tests.security.keeper" in line for line in watch.seen)
    assert leaks("\n".join(watch.seen).encode(), secrets) == set()
    state = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert state
    diagnostics = [file.read_bytes() for file in (Path(there.environment["PULUMI_HOME"]) / "logs").iterdir()]
    # Encrypted with the stack's key, and before Pulumi knows the stack, only compressed.
    assert {content[:4] for content in diagnostics} == {b"PLOG", b"\x1f\x8b\x08\x00"}
    for content in diagnostics:
        assert leaks(content if content.startswith(b"PLOG") else gzip.decompress(content), secrets) == set()
    assert {path.name: leaks(path.read_bytes(), secrets) for path in state} == {path.name: set() for path in state}

    made = {path.name: leaks(path.read_bytes(), secrets) for path in kept.iterdir()}
    in_secrets = {
        name for found in (found for file, found in made.items() if file.startswith(SECRET)) for name in found
    }
    # All but the kubeconfig got where they are needed, and nowhere else.
    wanted = {*secrets, "made"} if kind == "higress" else set(secrets)
    assert in_secrets == wanted - {"modelyard:cluster.kubeconfigContents"}
    assert {file: found for file, found in made.items() if found and not file.startswith(SECRET)} == {
        file: {"made"} for file in made if file.startswith("random:")
    }
    assert json.loads(next(kept.glob("*StatefulSet*")).read_text())["metadata"]["name"] in ("qwen", "gemma")


def test_the_forms_of_a_secret_are_found() -> None:
    for before in ("", "a", "ab", "abc"):
        content = base64.b64encode(f"{before}{MADE} and more".encode())
        assert leaks(content, {}) == {"made"}
    assert leaks(b"nothing", {}) == set()
