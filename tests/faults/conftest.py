"""Fixtures of the fault suite: those of the gateway's contract tests, servers that say any bytes, disks and clocks."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local.extras import prepare_compiler
from local.paths import Paths
from stacks.settings import StackSettings
from tests.automation.conftest import checkout, pulumi_on_path
from tests.faults.clock import Clock
from tests.faults.disk import Disk
from tests.faults.raw import RawPod, Script
from tests.gateway.conftest import Pods, Start, loop, pods, start
from tests.gateway.fakes import Loop, Pod
from tests.gateway.harness import Gateway
from tests.live.conftest import Quiet

__all__ = ["checkout", "loop", "pods", "pulumi_on_path", "raw_pods", "start"]

RawPods = Callable[..., RawPod]
StartLone = Callable[..., Gateway]
_ = (Pods, Start)


@pytest.fixture
def start_lone(tmp_path: Path) -> Iterator[StartLone]:
    """Starts a gateway before a pod of the model that a stack has, with the options of ``Gateway.start``."""
    with ExitStack() as running:

        def begin(settings: StackSettings, pod: Pod, **options: Any) -> Gateway:
            (model,) = settings.models
            gateway = running.enter_context(Gateway(tmp_path, {model.name: [pod]}))
            gateway.start(settings, **options)
            return gateway

        yield begin


@pytest.fixture
def raw_pods(loop: Loop) -> Iterator[RawPods]:
    """Starts a pod that answers every request by a script."""
    started: list[RawPod] = []

    def begin(*script: Script) -> RawPod:
        pod = RawPod(loop, script)
        pod.start()
        started.append(pod)
        return pod

    yield begin
    for pod in started:
        pod.kill()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 1 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    with ExitStack() as mounted:
        made = Disk(tmp_path / "disk", kib=1024)
        mounted.callback(made.close)
        yield made


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """A clock for what the test starts."""
    prepare_compiler(Paths.from_environment(), Quiet())
    return Clock(tmp_path)
