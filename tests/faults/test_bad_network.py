"""A bad network between the gateway and a model."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from tests.faults.link import Link
from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Gate, Loop, Pod, content, stream
from tests.gateway.harness import Gateway, eventually, question, stack
from tests.gateway.test_errors import refusal
from tests.gateway.test_streaming import texts

pytestmark = [pytest.mark.gateway, pytest.mark.faults]

FIRST_BYTE_SECONDS = 1.5
ANSWER_SECONDS = 5
CHAIN = stack(
    ["qwen", "gemma"],
    [
        {
            "model": "qwen",
            "fallback": ["gemma"],
            "timeouts": {"firstByteSeconds": FIRST_BYTE_SECONDS, "answerSeconds": ANSWER_SECONDS, "idleSeconds": 1.5},
        }
    ],
)
SLACK_SECONDS = 4


@dataclass(frozen=True)
class Site:
    """A gateway that reaches its first model by a bad network, and the second by a good one."""

    gateway: Gateway
    link: Link
    qwen: Pod
    gemma: Pod


@pytest.fixture
def site(start: Start, pods: Pods, loop: Loop) -> Iterator[Site]:
    qwen, gemma = pods("qwen"), pods("gemma")
    link = Link(loop, qwen.address)
    link.start()
    yield Site(start(CHAIN, qwen=link, gemma=gemma), link, qwen, gemma)
    link.kill()


def test_a_slow_network_makes_answers_slow_and_nothing_else(site: Site) -> None:
    site.link.delay_seconds, site.link.bytes_per_second = 0.05, 20_000
    text = "x" * 20_000
    site.qwen.answer = content(text)

    answer = site.gateway.chat("qwen", messages=[{"role": "user", "content": text}])

    assert answer.json()["choices"][0]["message"]["content"] == text
    assert answer.headers["x-modelyard-served-by"] == "qwen"
    assert site.gemma.received == []


def test_events_come_whole_and_in_order_over_a_slow_network(site: Site) -> None:
    site.link.delay_seconds, site.link.bytes_per_second = 0.02, 5_000
    site.qwen.answer = stream(40)

    with site.gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer:
        seen = texts(list(answer.iter_lines()))

    assert seen == [f"{position} " for position in range(40)] + ["[DONE]"]


@pytest.mark.parametrize("streamed", [False, True])
def test_the_next_model_answers_where_the_network_is_silent(site: Site, streamed: bool) -> None:
    assert site.gateway.chat("qwen").headers["x-modelyard-served-by"] == "qwen"
    site.link.silence()
    began = time.monotonic()

    answer = site.gateway.chat("qwen", stream=streamed)

    assert (answer.status_code, answer.headers["x-modelyard-served-by"]) == (200, "gemma")
    assert time.monotonic() - began < (FIRST_BYTE_SECONDS if streamed else ANSWER_SECONDS) + SLACK_SECONDS
    site.link.restore()
    eventually(lambda: site.gateway.chat("qwen").headers["x-modelyard-served-by"] == "qwen", "the network is back")


def test_a_stream_that_falls_silent_ends_without_done(site: Site, loop: Loop) -> None:
    gate = Gate(loop)
    site.qwen.answer = stream(3, {2: gate})
    lines: list[str] = []

    def read(answer: httpx.Response) -> None:
        for line in answer.iter_lines():
            lines.append(line)
            if len(texts(lines)) == 2:
                site.link.silence()
                gate.open()

    asking = site.gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True))
    with asking as answer, pytest.raises(httpx.RemoteProtocolError):
        read(answer)

    assert texts(lines) == ["0 ", "1 "]


def test_connections_that_break_at_random_lose_no_plain_request(site: Site) -> None:
    chance = random.Random(20261123)  # noqa: S311 - not for secrets
    site.link.delay_seconds = 0.01
    outcomes: Counter[str] = Counter()

    def ask(_: int) -> str:
        answer = site.gateway.chat("qwen")
        return answer.headers["x-modelyard-served-by"] if answer.status_code == 200 else refusal(answer)[2]

    with ThreadPoolExecutor(8) as clients:
        asking = clients.map(ask, range(300))
        finished = clients.submit(lambda: None)
        while not finished.done():
            time.sleep(chance.uniform(0.02, 0.2))
            site.link.cut()
        outcomes.update(asking)

    assert set(outcomes) <= {"qwen", "gemma"}, outcomes
    assert outcomes["gemma"] > 0
    eventually(_by_itself(site.gateway), "the model answers for itself again")


def _by_itself(gateway: Gateway) -> Callable[[], bool]:
    return lambda: gateway.chat("qwen").headers.get("x-modelyard-served-by") == "qwen"
