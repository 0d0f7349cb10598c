"""Fixtures of the fault suite: those of the gateway's contract tests, servers that say any bytes, disks and clocks."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.disk import Disk
from tests.faults.raw import RawPod, Script
from tests.gateway.conftest import Pods, Start, loop, pods, start
from tests.gateway.fakes import Loop

__all__ = ["loop", "pods", "raw_pods", "start"]

RawPods = Callable[..., RawPod]
_ = (Pods, Start)


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
