"""One request to the gateway, and its answer as a client sees it. Nothing here judges, and nothing raises."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

from components.manifests.envoy.names import FALLBACK_FROM_HEADER, SERVED_BY_HEADER

MAX_TOKENS = 8
"""Length of the answers that are asked for: enough to be counted, and cheap."""

LARGEST_BYTES = 4 * 1024 * 1024
"""What is read of an answer at most. That of a gateway which keeps its promises has a few KiB."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What is asked."""

    path: str
    """The path behind the gateway's address, such as ``/v1/chat/completions``."""
    body: Json | None = None
    """What is posted. None: the path is read."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers, the caller's key among them."""

    @property
    def streamed(self) -> bool:
        """Whether the answer is to be a stream."""
        return bool(self.body and self.body.get("stream"))


@dataclass(frozen=True)
class Answer:
    """What came back, as far as it came."""

    problem: str | None = None
    """Why there is no whole answer, as the end of a sentence. None: it is whole."""
    status: int | None = None
    """The HTTP status."""
    content_type: str = ""
    """The form of its body."""
    served_by: str | None = None
    """The model that the gateway says has answered."""
    fallback_from: str | None = None
    """The model in whose place it says that one has."""
    body: Json | None = None
    """The JSON object of a plain answer."""
    events: tuple[Json, ...] = ()
    """The JSON objects of a stream."""
    ended: bool = False
    """Whether a stream ended with ``[DONE]``."""
    seconds: float = 0.0
    """How long all of it took."""
    first_byte_seconds: float | None = None
    """How long the first byte of its body took."""

    @property
    def error(self) -> Json | None:
        """The error in it, in OpenAI's form."""
        said = [found for found in (self.body, *self.events) if found and "error" in found]
        return said[0]["error"] if said and isinstance(said[0]["error"], dict) else None

    @property
    def usage(self) -> Json | None:
        """The token counts in it."""
        said = [found["usage"] for found in (self.body, *self.events) if found and isinstance(found.get("usage"), dict)]
        return said[-1] if said else None

    @property
    def model(self) -> str | None:
        """The model that the pod says has answered."""
        said = [found["model"] for found in (self.body, *self.events) if found and isinstance(found.get("model"), str)]
        return said[0] if said else None


def chat(model: str, words: str, *, stream: bool, max_tokens: int = MAX_TOKENS) -> Json:
    """The body of a short chat completion."""
    return {"model": model, "messages": [{"role": "user", "content": words}], **_short(stream, max_tokens)}


def completion(model: str, words: str, *, stream: bool, max_tokens: int = MAX_TOKENS) -> Json:
    """The body of a short completion, for models without a chat template."""
    return {"model": model, "prompt": words, **_short(stream, max_tokens)}


def _short(stream: bool, max_tokens: int) -> Json:
    counted = {"stream_options": {"include_usage": True}} if stream else {}
    return {"max_tokens": max_tokens, "temperature": 0, "stream": stream, **counted}


def ask(client: httpx.Client, question: Question, *, seconds: float) -> Answer:
    """Ask, and take what comes.

    Args:
        client: the way to the gateway.
        question: what is asked.
        seconds: how long all of it may take.
    """
    reading = _Reading(seconds)
    found = Answer()
    try:
        with client.stream(
            "GET" if question.body is None else "POST",
            question.path,
            json=question.body,
            headers=dict(question.headers),
            timeout=max(seconds, 0.001),
        ) as response:
            found = _head(response.status_code, response.headers)
            found = _with_body(found, reading.text(response))
    except _TooLongError as error:
        found = replace(found, problem=str(error))
    except httpx.TimeoutException:
        found = replace(found, problem=reading.late)
    except (httpx.LocalProtocolError, UnicodeError):
        # What the error says is the header itself, with the key in it.
        found = replace(found, problem="a header cannot be sent as it is, such as a key with a line's end or an umlaut")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        found = replace(found, problem=_broken(found, error))
    return replace(found, seconds=reading.past, first_byte_seconds=reading.first_byte_seconds)


def data_of(pieces: Iterable[str]) -> Iterator[str]:
    """The data of a stream's events, each as soon as its line has come.

    Lines end by line feeds alone: a U+2028 stands within a JSON text as it is.
    """
    begun = ""
    for piece in pieces:
        *lines, begun = (begun + piece).split("\n")
        yield from _data(lines)
    yield from _data([begun])


def _data(lines: Iterable[str]) -> Iterator[str]:
    return (line.removeprefix("data:").strip() for line in lines if line.startswith("data:"))


class _TooLongError(Exception):
    pass


class _Reading:
    """A body that is read as it comes, within a time that begins now."""

    def __init__(self, seconds: float) -> None:
        self._begin = time.monotonic()
        self._seconds = seconds
        self.first_byte_seconds: float | None = None

    @property
    def past(self) -> float:
        return time.monotonic() - self._begin

    @property
    def late(self) -> str:
        return f"there was no whole answer within {self._seconds:.0f} s"

    def text(self, response: httpx.Response) -> str:
        read = bytearray()
        for chunk in response.iter_bytes():
            if self.first_byte_seconds is None:
                self.first_byte_seconds = self.past
            if self.past > self._seconds:
                raise _TooLongError(self.late)
            read += chunk
            if len(read) > LARGEST_BYTES:
                raise _TooLongError(f"the answer did not end within {LARGEST_BYTES} bytes")
        return read.decode(errors="replace")


def _head(status: int, headers: Mapping[str, str]) -> Answer:
    return Answer(
        status=status,
        content_type=headers.get("content-type", ""),
        served_by=headers.get(SERVED_BY_HEADER),
        fallback_from=headers.get(FALLBACK_FROM_HEADER),
    )


def _with_body(answer: Answer, text: str) -> Answer:
    if answer.content_type.startswith("text/event-stream"):
        data = list(data_of((text,)))
        events = tuple(event for one in data if (event := _object(one)) is not None)
        return replace(answer, events=events, ended=bool(data) and data[-1] == "[DONE]")
    return replace(answer, body=_object(text))


def _object(text: str) -> Json | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _broken(answer: Answer, error: Exception) -> str:
    if answer.status is not None:
        return f"the answer broke off ({_said(error)})"
    return f"there was no answer ({_said(error)})"


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
