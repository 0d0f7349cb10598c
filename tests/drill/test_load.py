"""Requests at a fixed rate, to a server that answers late."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import httpx
import pytest

from stacks.drill import load
from stacks.verify.asking import Question

EVERY = 0.02
"""Seconds from one request to the next."""
ENOUGH = 6
"""Requests that a test waits for."""


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "AT_A_TIME", 1)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What holds all answers back until it is set."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def begun(gate: threading.Event) -> Iterator[load.Load]:
    """A load of which so many requests are due that a test waits for."""

    def answer(_: httpx.Request) -> httpx.Response:
        gate.wait()
        return httpx.Response(200, json={"choices": [{}]})

    due = threading.Event()

    def streamed(number: int) -> bool:
        if number == ENOUGH:
            due.set()
        return False

    question = Question("/v1/chat/completions", {"model": "first"})
    with httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(answer)) as client:
        begun = load.Load(
            client, question, None, per_second=1 / EVERY, is_streamed=streamed, observe=lambda sample: None
        )
        begun.__enter__()
        assert due.wait(10)
        yield begun


def until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_wait_for_a_free_connection_is_a_part_of_the_time(begun: load.Load, gate: threading.Event) -> None:
    opened = time.monotonic() - begun.zero
    gate.set()
    until(lambda: len(begun.samples) >= ENOUGH)
    begun.__exit__()
    first = begun.samples[:ENOUGH]
    assert [after.at - before.at for before, after in pairwise(first)] == pytest.approx([EVERY] * (ENOUGH - 1))
    assert all(sample.at + sample.seconds >= opened for sample in first)


def test_what_is_not_sent_at_the_end_is_counted_and_not_waited_for(begun: load.Load, gate: threading.Event) -> None:
    leaving = threading.Thread(target=begun.__exit__)
    leaving.start()
    until(lambda: begun.unsent >= ENOUGH - 1)
    gate.set()
    leaving.join(10)
    assert not leaving.is_alive()
    assert len(begun.samples) == 1


def test_what_is_due_beyond_those_that_may_wait_is_counted_at_once(
    monkeypatch: pytest.MonkeyPatch, begun: load.Load, gate: threading.Event
) -> None:
    monkeypatch.setattr(load, "WAITING", 1)
    until(lambda: begun.unsent >= 2)
    gate.set()
    until(lambda: len(begun.samples) >= ENOUGH)
    begun.__exit__()
    assert begun.unsent >= 2
