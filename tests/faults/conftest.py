"""Fixtures of the fault suite: those of the gateway's contract tests, and servers that say any bytes."""

from collections.abc import Callable, Iterator

import pytest

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
