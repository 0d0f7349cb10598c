"""Fixtures of the gateway's contract tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from stacks.settings import StackSettings
from tests.gateway.fakes import Loop, Pod
from tests.gateway.harness import Gateway, stack
from tests.observability.conftest import paths, promtool, told

__all__ = ["Pair", "Pods", "Start", "loop", "pair", "paths", "pods", "promtool", "start", "told"]

Start = Callable[..., Gateway]
Pods = Callable[..., Pod]


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def pods(loop: Loop) -> Iterator[Pods]:
    """Starts a pod that answers to the given names."""
    started: list[Pod] = []

    def start(*names: str) -> Pod:
        pod = Pod(loop, *names)
        pod.start()
        started.append(pod)
        return pod

    yield start
    for pod in started:
        pod.kill()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a gateway with a stack, in front of one or more pods for each model."""
    with ExitStack() as running:

        def begin(settings: StackSettings, **pods: Pod | list[Pod]) -> Gateway:
            lists = {name: pod if isinstance(pod, list) else [pod] for name, pod in pods.items()}
            gateway = running.enter_context(Gateway(tmp_path, lists))
            gateway.start(settings)
            return gateway

        yield begin


@dataclass(frozen=True)
class Pair:
    """A gateway before two models that are well, ``qwen`` with ``gemma`` as its fallback."""

    gateway: Gateway
    qwen: Pod
    gemma: Pod


@pytest.fixture(scope="session")
def pair(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Shared by the tests that break nothing."""
    qwen, gemma = Pod(loop, "qwen"), Pod(loop, "gemma")
    settings = stack(["qwen", "gemma"], [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}])
    with Gateway(tmp_path_factory.mktemp("pair"), {"qwen": [qwen], "gemma": [gemma]}) as gateway:
        for pod in (qwen, gemma):
            pod.start()
        gateway.start(settings)
        yield Pair(gateway, qwen, gemma)
    for pod in (qwen, gemma):
        pod.kill()
