"""The first requests of a server, after which it may be called ready: real ones, over its own API."""

import http.client
import io
import math
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from serving.gate import TASKS
from serving.loopback import Answer, Loopback

POLL_SECONDS = 0.1
"""Seconds between two tries to reach a server that starts."""

_PROMPT = "The capital of France is"
_POOLING = {"embed": "/v1/embeddings", "classify": "/classify"}
_POOLING_ELSE = "/pooling"
_SAMPLES_PER_SECOND = 16_000


class WarmUpError(Exception):
    """A server that does not answer its first request. Its text is a sentence."""


Asked = tuple[str, Answer]
"""What a request was, in words, and its answer."""


def warm_up(server: Loopback, prompt_tokens: Sequence[int], log: Callable[[str], None]) -> None:
    """Wait until a server listens, then ask it what it is there for, until it has answered everything.

    Args:
        server: the server.
        prompt_tokens: lengths of prompts to ask with, beside a short one, in tokens.
        log: told how long it took.

    Raises:
        WarmUpError: when an answer is none.
    """
    tasks = _tasks(server)
    begun = time.monotonic()
    number = 0
    try:
        for what, answer in _requests(server, tasks, prompt_tokens):
            _check(what, answer)
            number += 1
    except (OSError, http.client.HTTPException) as error:
        raise WarmUpError(f"the server went away in its warm-up ({error})") from error
    log(f"warm: {number} requests in {time.monotonic() - begun:.1f} s")


def _tasks(server: Loopback) -> list[str]:
    while True:
        try:
            answer = server.get(TASKS, timeout=10)
        except (OSError, http.client.HTTPException):
            time.sleep(POLL_SECONDS)
            continue
        found = answer.json()
        if answer.status != 200 or not isinstance(found, list):
            raise WarmUpError(f"the server does not say what its model can be asked (status {answer.status})")
        return [str(task) for task in found]


def _requests(server: Loopback, tasks: Sequence[str], prompt_tokens: Sequence[int]) -> Iterator[Asked]:
    names, adapters = _names(server)
    name = names[0]
    if "generate" in tasks:
        yield "a completion", _complete(server, name, _PROMPT, 4)
        for length in prompt_tokens:
            yield f"a completion of {length} tokens", _complete(server, name, _token_ids(length), 2)
        for adapter in adapters:
            yield f"a completion by the adapter '{adapter}'", _complete(server, adapter, _PROMPT, 1)
    elif "transcription" in tasks:
        yield "a transcription", server.post_bytes("/v1/audio/transcriptions", *_recording(name))
    elif pooling := [task for task in tasks if task not in ("render", "realtime")]:
        path = next((_POOLING[task] for task in pooling if task in _POOLING), _POOLING_ELSE)
        yield f"an answer of {path}", server.post(path, {"model": name, "input": _PROMPT})


def _names(server: Loopback) -> tuple[list[str], list[str]]:
    """Names of the model and names of its adapters."""
    listed = server.get("/v1/models", timeout=60)
    _check("the list of models", listed)
    entries = listed.json()["data"]
    return (
        [entry["id"] for entry in entries if entry.get("parent") is None],
        [entry["id"] for entry in entries if entry.get("parent") is not None],
    )


def _complete(server: Loopback, name: str, prompt: object, tokens: int) -> Answer:
    return server.post("/v1/completions", {"model": name, "prompt": prompt, "max_tokens": tokens, "temperature": 0})


def _token_ids(length: int) -> list[int]:
    # Another beginning for every length: otherwise the cache of the one before would answer. Low numbers are in
    # every vocabulary.
    return [length % 89 + 10, *((3 * position) % 97 + 10 for position in range(1, length))]


def _recording(name: str) -> tuple[bytes, str]:
    """A form with a second of a tone, and its content type."""
    audio = io.BytesIO()
    with wave.open(audio, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_SAMPLES_PER_SECOND)
        tone = (int(8000 * math.sin(0.17 * sample)) for sample in range(_SAMPLES_PER_SECOND))
        file.writeframes(b"".join(value.to_bytes(2, "little", signed=True) for value in tone))
    boundary = "modelyard-warm-up"
    part = f"--{boundary}\r\nContent-Disposition: form-data; name="
    form = (
        f'{part}"model"\r\n\r\n{name}\r\n{part}"file"; filename="tone.wav"\r\nContent-Type: audio/wav\r\n\r\n'.encode()
        + audio.getvalue()
        + f"\r\n--{boundary}--\r\n".encode()
    )
    return form, f"multipart/form-data; boundary={boundary}"


def _check(what: str, answer: Answer) -> None:
    body: Any = answer.json()
    if answer.status != 200:
        raise WarmUpError(f"the server was asked for {what}, and answered {answer.status}: {_message(answer, body)}")
    usage = body.get("usage") if isinstance(body, dict) else None
    if isinstance(usage, dict) and usage.get("completion_tokens") == 0:
        raise WarmUpError(f"the server was asked for {what}, and generated no token")


def _message(answer: Answer, body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return str(error["message"])
    return answer.body.decode(errors="replace")[:500]
