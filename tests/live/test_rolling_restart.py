"""A model's pod is replaced while clients ask for it, plain and streamed, through the gateway: nobody notices."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest

from local.experiment import QUESTION, await_models
from local.kubectl import kubectl
from local.paths import Paths
from local.stack import local_settings
from local.waiting import wait_for
from tests.live.conftest import await_rollout, identity

pytestmark = [pytest.mark.live, pytest.mark.timeout(1200)]

MODEL, FALLBACK = "qwen2-1-5b", "gemma-2-2b"
LABEL = f"app.kubernetes.io/instance={MODEL}"
TOKENS = 40
"""Of an answer: long enough for some to be on their way whenever the pod stops, short enough for its drain."""


class Load:
    """Clients that ask one question after the other, and what came of it."""

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, bool]] = Counter()
        self.lost: list[str] = []
        self._over = threading.Event()

    @contextmanager
    def running(self, clients: int) -> Iterator["Load"]:
        """Ask with so many clients plain, and with as many streamed."""
        threads = [threading.Thread(target=self._ask, args=(number % 2 == 0,)) for number in range(2 * clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def served(self, by: str, *, more_than: int = 0) -> bool | None:
        """Whether the model has answered plain and streamed since it had so many answers of each kind."""
        return all(self.answered[by, stream] > more_than for stream in (False, True)) or None

    def _ask(self, stream: bool) -> None:
        base_url = local_settings().gateway.base_url
        with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=120) as client:
            while not self._over.is_set():
                try:
                    self.answered[_answered(client, stream), stream] += 1
                except (openai.OpenAIError, httpx.HTTPError, AssertionError) as error:
                    self.lost.append(f"{'streamed' if stream else 'plain'}: {error!r}")


def _answered(client: openai.OpenAI, stream: bool) -> str:
    """Who answered, when all of the answer is there."""
    request: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}], "stream": stream}
    response = client.chat.completions.with_raw_response.create(**request, max_tokens=TOKENS)
    parsed = response.parse()
    reasons = [choice.finish_reason for part in (parsed if stream else [parsed]) for choice in part.choices]
    assert reasons[-1] in ("stop", "length"), f"the answer has no end: {reasons[-1:]}"
    return str(response.headers["x-modelyard-served-by"])


def test_a_rolling_restart_under_load_loses_no_request(stack: Paths, client: openai.OpenAI) -> None:
    await_models(client, [MODEL, FALLBACK])
    before = identity(stack, LABEL)
    with Load().running(clients=2) as load:
        wait_for(lambda: load.served(MODEL), seconds=120, what="answers before the restart")
        kubectl(stack, "rollout", "restart", f"statefulset/{MODEL}")
        await_rollout(stack, MODEL)
        counts = max(load.answered[MODEL, stream] for stream in (False, True))
        wait_for(lambda: load.served(MODEL, more_than=counts), seconds=300, what="answers of the new pod")
    assert load.lost == []
    # Its fallback stood in while it was away: these were answers, and not a pause.
    assert load.served(FALLBACK)
    after = identity(stack, LABEL)
    assert {uid for uid, _ in after}.isdisjoint(uid for uid, _ in before)
    assert [restarts for _, restarts in after] == [0] * len(after)


def test_the_reason_of_a_crash_is_in_the_pods_status(stack: Paths) -> None:
    def message() -> str | None:
        path = "{.status.containerStatuses[0].lastState.terminated.message}"
        return kubectl(stack, "get", "pod", f"{MODEL}-0", f"--output=jsonpath={path}").strip() or None

    # The engine's process, ended as by a fault of its own: the container is to follow it with a reason.
    kubectl(stack, "exec", f"{MODEL}-0", "--", "sh", "-c", KILL_ENGINE)
    said = wait_for(message, seconds=60, what="the reason of the crash")
    assert said.startswith("vLLM's engine died")
    await_rollout(stack, MODEL)


KILL_ENGINE = 'for p in /proc/[0-9]*; do grep -qs "^VLLM::EngineCor" $p/comm && kill -ABRT ${p#/proc/}; done; true'
