"""A steady stream of requests, timed from when they are due and not from when the last one was answered."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx

from stacks.drill.report import Sample
from stacks.verify.asking import Answer, Question, ask

AT_A_TIME = 64
"""Most requests under way. Beyond it they are late, as those of a client with so many connections would be, and that
wait is a part of their time."""

WAITING = 1024
"""Most requests that wait for one of these to end. What is due beyond it is not sent."""

ANSWER_SECONDS = 120.0
"""How long one answer may take."""


class Load:
    """Requests at a fixed rate, as long as the context lasts.

    Args:
        client: the way to the gateway.
        plain: the request whose answer is no stream.
        streamed: the one whose answer is. None: there is no such form.
        per_second: requests a second.
        is_streamed: whether a request is streamed, by its number.
        observe: told every sample, in the order in which they end.
    """

    def __init__(
        self,
        client: httpx.Client,
        plain: Question,
        streamed: Question | None,
        *,
        per_second: float,
        is_streamed: Callable[[int], bool],
        observe: Callable[[Sample], None],
    ) -> None:
        self._client = client
        self._questions = (plain, streamed or plain)
        self._every = 1 / per_second
        self._is_streamed = is_streamed
        self._observe = observe
        self._samples: list[Sample] = []
        self._waiting = 0
        self._dropped = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(AT_A_TIME)
        self._sender = threading.Thread(target=self._send)
        self.zero = time.monotonic()
        """The moment from which samples are timed. Set it when the pods are killed."""

    def __enter__(self) -> "Load":
        self._sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._sender.join()
        # What is under way is waited for: it counts too. What was not even sent is not.
        self._pool.shutdown()

    @property
    def samples(self) -> tuple[Sample, ...]:
        """What was seen until now, in the order in which the requests were due."""
        with self._lock:
            taken = list(self._samples)
        return tuple(sorted((_from(self.zero, sample) for sample in taken), key=lambda sample: sample.at))

    @property
    def unsent(self) -> int:
        """How many requests were due and not sent, for so many were under way; all of them when the context ended."""
        with self._lock:
            return self._dropped + (self._waiting if self._stop.is_set() else 0)

    def _send(self) -> None:
        number, due = 0, time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            question = self._questions[self._is_streamed(number)]
            if self._may_wait():
                self._pool.submit(self._one, question, due)
            number, due = number + 1, due + self._every

    def _may_wait(self) -> bool:
        with self._lock:
            room = self._waiting < WAITING
            self._waiting += room
            self._dropped += not room
            return room

    def _one(self, question: Question, due: float) -> None:
        with self._lock:
            if self._stop.is_set():
                return
            self._waiting -= 1
        late = time.monotonic() - due
        found = sampled(question, due, ask(self._client, question, seconds=ANSWER_SECONDS), late)
        with self._lock:
            self._samples.append(found)
        self._observe(_from(self.zero, found))


def sampled(question: Question, due: float, answer: Answer, late: float = 0.0) -> Sample:
    """What a client makes of an answer that was asked for so many seconds after it was due."""
    first_byte = answer.first_byte_seconds if question.streamed else None
    return Sample(
        at=due,
        seconds=late + answer.seconds,
        first_byte_seconds=None if first_byte is None else late + first_byte,
        streamed=question.streamed,
        status=answer.status,
        served_by=answer.served_by,
        fallback_from=answer.fallback_from,
        error=_error(question, answer),
        model=answer.model,
    )


def _error(question: Question, answer: Answer) -> str | None:
    if answer.problem:
        return answer.problem
    if answer.status != 200 or answer.error:
        return f"status {answer.status}: {(answer.error or {}).get('message', 'no error in OpenAI form')}"
    if question.streamed and not answer.ended:
        return "the stream ended without [DONE]"
    return None


def _from(zero: float, sample: Sample) -> Sample:
    return replace(sample, at=sample.at - zero)
