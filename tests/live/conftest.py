"""The embedded cluster with the local stack on it. Afterwards the cluster is as it was found: running, or stopped."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml
from rich.console import Console

from local import cluster, experiment
from local import pulumi as pulumi_command
from local.demo import start
from local.forward import stop_forwards
from local.kubectl import get
from local.node import find_node
from local.paths import CHECKOUT, Paths
from local.setup import prepare
from local.stack import local_settings

StackFile = Callable[[Callable[[dict[str, Any]], None]], Path]
"""Writes a changed copy of the local stack file; the change edits its ``config``."""

MODELS = ("qwen2-1-5b", "gemma-2-2b")
"""The models of the local stack."""


class Quiet:
    """Says nothing of the setup's steps: pytest shows what fails."""

    def started(self, name: str, log: Path) -> None: ...
    def skipped(self, name: str) -> None: ...
    def finished(self, name: str, seconds: float) -> None: ...
    def failed(self, name: str, seconds: float) -> None: ...


@pytest.fixture(scope="session")
def was_running() -> bool:
    """Whether somebody had the cluster running before."""
    return find_node(Paths.from_environment()) is not None


@pytest.fixture(scope="session")
def paths(was_running: bool) -> Iterator[Paths]:
    """The paths of a cluster that runs."""
    found = Paths.from_environment()
    prepare(found, Quiet())
    start(found, local_settings(), Console(quiet=True))
    yield found
    if not was_running:
        stop_forwards()
        cluster.down(found)


@pytest.fixture(scope="session")
def made(paths: Paths, was_running: bool) -> Iterator[Paths]:
    """The paths of a cluster on which the local stack was made."""
    pulumi_command.up(paths)
    yield paths
    if was_running:
        pulumi_command.up(paths)


@pytest.fixture(scope="module")
def stack(made: Paths) -> Paths:
    """The paths of a cluster with the local stack on it, both models ready, whatever was killed before."""
    for model in MODELS:
        await_rollout(made, model)
    with openai.OpenAI(base_url=local_settings().gateway.base_url, api_key="none", max_retries=0) as asking:
        experiment.await_models(asking, MODELS)
    return made


@pytest.fixture
def client(stack: Paths) -> Iterator[openai.OpenAI]:
    """An OpenAI client that hides nothing: it never tries again."""
    base_url = local_settings().gateway.base_url
    with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=120) as made:
        yield made


@pytest.fixture
def stack_file(tmp_path: Path) -> StackFile:
    """Makes changed copies of the local stack file."""
    original = yaml.safe_load((CHECKOUT / "stacks" / "Pulumi.local.yaml").read_text())

    def write(change: Callable[[dict[str, Any]], None]) -> Path:
        # Through JSON: two models share their engine settings by an anchor, and a change is meant for one of them.
        changed = json.loads(json.dumps(copy.deepcopy(original)))
        change(changed["config"])
        path = tmp_path / "Pulumi.changed.yaml"
        path.write_text(yaml.safe_dump(changed))
        return path

    return write


def await_rollout(paths: Paths, model: str, *, seconds: int = 600) -> None:
    """Wait until a model's StatefulSet has rolled out."""
    from local.kubectl import kubectl

    kubectl(paths, "rollout", "status", f"statefulset/{model}", f"--timeout={seconds}s")


def pod(paths: Paths, name: str) -> dict[str, Any]:
    """A pod, which must be there."""
    found = get(paths, "pod", name)
    assert found is not None, f"there is no pod {name}"
    return found


def identity(paths: Paths, label: str) -> list[tuple[str, int]]:
    """UID and restarts of the pods with a label: what changes when they are replaced or restarted."""
    found = get(paths, "pods", f"--selector={label}")
    assert found is not None
    return sorted(
        (item["metadata"]["uid"], sum(status["restartCount"] for status in item["status"]["containerStatuses"]))
        for item in found["items"]
    )
