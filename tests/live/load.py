"""Clients that ask through the gateway all the time, and what came of every request."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai

from local.experiment import QUESTION
from local.stack import local_settings

CLIENT_SECONDS = 120
"""After which a client gives up on a request."""


class Load:
    """Clients that ask one question after the other.

    Args:
        model: whom they ask.
        tokens: of an answer: long enough for some to be on their way whenever something fails.
        base_url: where. Default: the local stack's gateway.
    """

    def __init__(self, model: str, tokens: int = 40, base_url: str | None = None) -> None:
        self.answered: Counter[tuple[str, bool]] = Counter()
        """Whole answers, by who gave them and whether they were streamed."""
        self.refused: list[str] = []
        """Errors in OpenAI's form with a time to come again."""
        self.lost: list[str] = []
        """Everything else: connections that were refused or broke, answers without an end."""
        self.slowest_seconds = 0.0
        """The longest that a request took, whatever came of it."""
        self._model = model
        self._tokens = tokens
        self._base_url = base_url or local_settings().gateway.base_url
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
        with openai.OpenAI(base_url=self._base_url, api_key="none", max_retries=0, timeout=CLIENT_SECONDS) as client:
            while not self._over.is_set():
                began = time.monotonic()
                self._ask_once(client, stream)
                self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)

    def _ask_once(self, client: openai.OpenAI, stream: bool) -> None:
        try:
            self.answered[self._answer(client, stream), stream] += 1
        except openai.InternalServerError as error:
            kept_form = isinstance(error.body, dict) and "retry-after" in error.response.headers
            (self.refused if kept_form else self.lost).append(repr(error))
        except (openai.OpenAIError, httpx.HTTPError, AssertionError) as error:
            self.lost.append(f"{'streamed' if stream else 'plain'}: {error!r}")

    def _answer(self, client: openai.OpenAI, stream: bool) -> str:
        """Who answered, when all of the answer is there."""
        messages = [{"role": "user", "content": QUESTION}]
        request: dict[str, Any] = {"model": self._model, "messages": messages, "stream": stream}
        response = client.chat.completions.with_raw_response.create(**request, max_tokens=self._tokens)
        parsed = response.parse()
        reasons = [choice.finish_reason for part in (parsed if stream else [parsed]) for choice in part.choices]
        assert reasons[-1] in ("stop", "length"), f"the answer has no end: {reasons[-1:]}"
        # Where there is no gateway, nobody but the model answers.
        return str(response.headers.get("x-modelyard-served-by", self._model))
