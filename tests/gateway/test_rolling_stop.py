"""Pods that run `python -m serving`, replaced one after the other behind a real Envoy under load."""

import json
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from serving.exits import ExitCode
from tests.gateway.conftest import Start
from tests.gateway.fakes import Pod
from tests.gateway.harness import Gateway, eventually, question, stack
from tests.serving import servers

pytestmark = pytest.mark.gateway

CLIENTS = 3
TOKENS = 30
"""Of an answer, each of which takes 20 ms."""

Serve = Callable[..., servers.Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a pod's process over the stand-in for vLLM, and waits until it is ready."""
    started: list[servers.Server] = []

    def begin(**settings: object) -> servers.Server:
        values = {f"MODELYARD_{name.upper()}": str(value) for name, value in settings.items()}
        server = servers.start(tmp_path, servers.STAND_IN, MODELYARD_MODEL="org/m", **values)
        started.append(server)
        return server.await_ready()

    yield begin
    for server in started:
        server.close()


def pod(server: servers.Server) -> Pod:
    """What a gateway has to know of it."""
    return cast(Pod, SimpleNamespace(address=("127.0.0.1", server.port)))


class Load:
    """Clients that ask one question after the other, plain and streamed."""

    def __init__(self, gateway: Gateway) -> None:
        self.whole: Counter[bool] = Counter()
        self.lost: list[str] = []
        self._url = gateway.url
        self._over = threading.Event()

    @contextmanager
    def running(self) -> Iterator["Load"]:
        threads = [threading.Thread(target=self._ask, args=(stream,)) for stream in (False, True) * CLIENTS]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def await_more(self) -> None:
        """Wait for some answers of both kinds."""
        before = self.whole.copy()

        def came() -> bool:
            return bool(self.lost) or all(self.whole[kind] - before[kind] > CLIENTS for kind in (False, True))

        eventually(came, "answers come")
        assert self.lost == []

    def _ask(self, stream: bool) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._over.is_set():
                try:
                    answer = client.post("/v1/chat/completions", json=asked(stream))
                except httpx.HTTPError as error:
                    self.lost.append(repr(error))
                    continue
                if answer.status_code == 200 and (answer.text.endswith("[DONE]\n\n") or not stream):
                    self.whole[stream] += 1
                else:
                    self.lost.append(f"{answer.status_code}: {answer.text[-200:]}")


def asked(stream: bool) -> dict[str, Any]:
    return question("first", max_tokens=TOKENS, stream=stream)


def test_a_rolling_restart_of_two_replicas_loses_no_request(serve: Serve, start: Start) -> None:
    replicas = [serve(), serve()]
    gateway = start(stack(["first"]), first=[pod(replica) for replica in replicas])
    with Load(gateway).running() as load:
        for replica in replicas:
            load.await_more()
            replica.signal(signal.SIGTERM)
            assert replica.ended() == ExitCode.STOPPED
            load.await_more()
            serve(port=replica.port)
            eventually(lambda: gateway.stat("cluster.first.membership_healthy") == 2, "both are healthy again")
        load.await_more()
    assert load.lost == []


def test_the_restart_of_a_single_replica_is_bridged_by_its_fallback(serve: Serve, start: Start) -> None:
    first, second = serve(), serve()
    settings = stack(["first", "second"], [{"model": "first", "fallback": ["second"]}])
    gateway = start(settings, first=pod(first), second=pod(second))
    with Load(gateway).running() as load:
        load.await_more()
        first.signal(signal.SIGTERM)
        assert first.ended() == ExitCode.STOPPED
        load.await_more()
        serve(port=first.port)
        eventually(lambda: gateway.stat("cluster.first.membership_healthy") == 1, "it is healthy again")
        load.await_more()
    assert load.lost == []


def test_a_stopping_pod_is_left_out_at_its_first_word(serve: Serve, start: Start) -> None:
    one, other = serve(drain_seconds=60, handover_seconds=0), serve()
    gateway = start(stack(["first"]), first=[pod(one), pod(other)])
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{one.port}", timeout=60) as client,
        client.stream("POST", "/v1/completions", json={"max_tokens": 500, "stream": True}) as running,
    ):
        pieces = running.iter_raw()
        next(pieces)
        one.signal(signal.SIGTERM)
        # One failed check would do nothing: three in a row take a pod out that says no more than 503.
        eventually(lambda: gateway.stat("cluster.first.membership_healthy") == 1, "one is left")
        failures = gateway.stats(r"^cluster\.first\.health_check\.")
        answers = [gateway.post(asked(False)).status_code for _ in range(5)]
        assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
    assert answers == [200] * 5
    assert failures["cluster.first.health_check.failure"] < 3, json.dumps(failures)
    assert one.ended() == ExitCode.STOPPED
