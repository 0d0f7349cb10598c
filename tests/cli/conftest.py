"""What tests of the command have in common: stacks of their own, and a cluster that is played by a program."""

import json
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from stacks import stack_file
from stacks.cli.app import app

KUBECTL = """#!{python} -SE
import json, sys, time
words = [word for word in sys.argv[1:] if not word.startswith(("--kubeconfig", "--context"))]
stdin = sys.stdin.read() if "--filename=-" in words else ""
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(words) + "\\n")
for answer in json.load(open({answers!r})):
    if all(word in words or (word[0] == "{{" and word in stdin) for word in answer["words"]):
        sys.stdout.write(answer["out"])
        sys.stderr.write(answer["err"])
        sys.stdout.flush()
        time.sleep(answer["seconds"])
        sys.exit(answer["code"])
sys.stderr.write("the played cluster has no answer to " + " ".join(words))
sys.exit(1)
"""

CONFIG: dict[str, Any] = {
    "serving": {"image": "registry.example/serving:1"},
    "pools": [{"name": "gpu", "gpusPerNode": 2, "nodeSelector": {"pool": "gpu"}}],
    "models": [
        {"name": "qwen", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "pool": "gpu"},
        {"name": "gemma", "source": "pvc://weights/gemma", "pool": "gpu", "replicas": 2},
    ],
    "gateway": {"kind": "envoy", "replicas": 1, "baseUrl": "http://llm.example.com/v1"},
    "routes": [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}],
}
"""The stack ``mine``."""


@dataclass
class Cluster:
    """A cluster that answers kubectl what it was told to."""

    folder: Path
    answers: list[dict[str, Any]] = field(default_factory=list)

    def says(self, words: Sequence[str], out: Any = "", *, err: str = "", code: int = 0, seconds: float = 0) -> None:
        """Answer a command that has all of these words, and end so much later. The first answer that fits counts."""
        text = out if isinstance(out, str) else json.dumps(out)
        self.answers.append({"words": list(words), "out": text, "err": err, "code": code, "seconds": seconds})
        (self.folder / "answers.json").write_text(json.dumps(self.answers))

    def has(self, kind: str, *items: dict[str, Any], namespace: str = "default") -> None:
        """Answer what a list of a kind has in it."""
        self.says(["get", kind, f"--namespace={namespace}"], {"items": list(items)})

    @property
    def asked(self) -> list[list[str]]:
        """What it was asked, without which cluster it is."""
        calls = self.folder / "calls"
        return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The cluster of the stack ``mine``."""
    folder = tmp_path / "kubectl"
    folder.mkdir()
    program = folder / "kubectl"
    program.write_text(
        KUBECTL.format(python=sys.executable, answers=str(folder / "answers.json"), calls=str(folder / "calls"))
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (folder / "answers.json").write_text("[]")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return Cluster(folder)


class Stacks:
    """The folder of stack files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str = "mine", **changes: Any) -> Path:
        """Write a stack file: that of ``mine``, with these settings in place of its own."""
        raw = {key: value for key, value in {**CONFIG, **changes}.items() if value is not None}
        return self.write_text(
            yaml.safe_dump({"config": {f"modelyard:{key}": value for key, value in raw.items()}}), name
        )

    def write_text(self, text: str, name: str = "mine") -> Path:
        """Write a stack file as it is given."""
        file = self.folder / f"Pulumi.{name}.yaml"
        file.write_text(text)
        return file


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stacks:
    """A folder of stack files with none in it."""
    folder = tmp_path / "stacks"
    folder.mkdir()
    monkeypatch.setattr(stack_file, "FOLDER", folder)
    monkeypatch.delenv("MODELYARD_STACK", raising=False)
    return Stacks(folder)


@pytest.fixture
def mine(stacks: Stacks) -> Stacks:
    """The stack ``mine``, which commands are about where they name no other."""
    stacks.write()
    return stacks


def run(*arguments: str, stdin: str | None = None, stack: str = "mine") -> Result:
    """Run the command in this process, without a terminal."""
    return CliRunner().invoke(app, list(arguments), input=stdin, env={"MODELYARD_STACK": stack}, prog_name="modelyard")


def pod(name: str, model: str = "qwen", **status: Any) -> dict[str, Any]:
    """A pod of a model that is ready, unless its status says something else."""
    ready = {
        "phase": "Running",
        "conditions": [condition("PodScheduled", True), condition("Ready", True)],
        "containerStatuses": [container({"running": {}}, ready=True)],
    }
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "labels": {"app.kubernetes.io/name": "vllm", "app.kubernetes.io/instance": model},
        },
        "spec": {"nodeName": "node-1", "containers": [{"name": "vllm"}]},
        "status": {**ready, **status},
    }


def gateway_pod(name: str = "gateway-1", **status: Any) -> dict[str, Any]:
    """A pod of the gateway."""
    made = pod(name, "gateway", **status)
    made["metadata"]["labels"]["app.kubernetes.io/name"] = "envoy"
    return made


def condition(kind: str, holds: bool, message: str = "") -> dict[str, Any]:
    """A condition of a pod."""
    return {"type": kind, "status": "True" if holds else "False", "message": message}


def container(state: dict[str, Any], *, name: str = "vllm", restarts: int = 0, **more: Any) -> dict[str, Any]:
    """The status of a container."""
    return {"name": name, "restartCount": restarts, "state": state, **more}


def event(pod_name: str, reason: str, message: str = "", at: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    """What happened to a pod."""
    return {
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
        "involvedObject": {"kind": "Pod", "name": pod_name, "uid": f"uid-{pod_name}"},
    }
