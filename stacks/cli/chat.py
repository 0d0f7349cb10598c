"""Asks a model through the gateway, and passes its answer on as it comes."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from components.manifests.envoy.names import FALLBACK_FROM_HEADER, SERVED_BY_HEADER
from stacks.cli.errors import CliError
from stacks.cli.exits import ExitCode
from stacks.verify.asking import data_of

CONNECT_SECONDS = 10.0
"""How long the gateway may take to accept a connection."""
SILENT_SECONDS = 600.0
"""How long an answer may be silent. The gateway's own limits are shorter."""
PATIENCE = httpx.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
"""Both."""

Message = Mapping[str, str]
"""A message of a conversation: ``role`` and ``content``."""


@dataclass(frozen=True)
class Sampling:
    """How an answer is made. What is None is left to the model."""

    max_tokens: int | None = None
    """Most tokens of the answer."""
    temperature: float | None = None
    """How much chance is in it."""


@dataclass(frozen=True)
class Answer:
    """What a model said, and how it came."""

    model: str
    """The name that was asked for."""
    text: str
    """The answer, without what the model thought before it."""
    served_by: str | None
    """The model that answered."""
    fallback_from: str | None
    """The route whose own models did not answer. None: they did."""
    finish_reason: str | None
    """Why it ended: ``stop``, ``length`` and others."""
    usage: Mapping[str, Any] | None
    """Tokens, as the model counted them."""
    first_token_seconds: float
    """From the request to the first piece."""
    seconds: float
    """From the request to the end."""


@dataclass
class _Parts:
    text: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    first: float | None = None
    done: bool = False


class Chat:
    """A caller of one gateway.

    Args:
        client: the way to the gateway.
        headers: what every request has: the caller's key, and what a route asks for.
    """

    def __init__(self, client: httpx.Client, headers: Mapping[str, str]) -> None:
        self._client = client
        self._headers = dict(headers)

    def ask(
        self,
        model: str,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        on_text: Callable[[str], None],
        on_thought: Callable[[str], None],
    ) -> Answer:
        """Ask for an answer, and hand on its pieces as they come.

        Raises:
            CliError: when there is no whole answer.
        """
        begun = time.monotonic()
        parts = _Parts()
        body = _body(model, messages, sampling)
        with (
            self._refusals(),
            self._client.stream(
                "POST", "/v1/chat/completions", json=body, headers=self._headers, timeout=PATIENCE
            ) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                answer.read()
                raise _refused(answer)
            for event in _events(answer, parts):
                thought, text = _pieces(event, parts)
                if (thought or text) and parts.first is None:
                    parts.first = time.monotonic() - begun
                if thought:
                    on_thought(thought)
                if text:
                    on_text(text)
            headers = answer.headers
        if not parts.done:
            raise CliError(
                "The answer broke off: the gateway ended it in the middle, as it does where a model fails after its "
                "first token.",
                "Ask again; `modelyard status` says what the models do.",
                ExitCode.FAILED,
            )
        seconds = time.monotonic() - begun
        return Answer(
            model=model,
            text="".join(parts.text),
            served_by=headers.get(SERVED_BY_HEADER),
            fallback_from=headers.get(FALLBACK_FROM_HEADER),
            finish_reason=parts.finish_reason,
            usage=parts.usage,
            first_token_seconds=round(seconds if parts.first is None else parts.first, 3),
            seconds=round(seconds, 3),
        )

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException:
            raise self._unreachable("it does not answer in time") from None
        except (httpx.LocalProtocolError, UnicodeError):
            # What the error says is the header itself, with the key in it.
            raise CliError(
                f"A header cannot be sent as it is to the gateway at {self._client.base_url}, such as a key with a "
                "line's end or an umlaut.",
                "Give --api-key, or MODELYARD_API_KEY, as the consumer has it; `printf %s` adds no line's end.",
                ExitCode.USAGE,
            ) from None
        except httpx.TransportError as error:
            raise self._unreachable(str(error).rstrip(".") or type(error).__name__) from None

    def _unreachable(self, why: str) -> CliError:
        return CliError(
            f"The gateway at {self._client.base_url} cannot be asked: {why}.",
            "`modelyard status` says whether it runs; --port-forward goes through the cluster, --url somewhere else.",
            ExitCode.UNREACHABLE,
        )


def _body(model: str, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
    limits = {"max_tokens": sampling.max_tokens, "temperature": sampling.temperature}
    return {
        "model": model,
        "messages": list(messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        **{key: value for key, value in limits.items() if value is not None},
    }


def _events(answer: httpx.Response, parts: _Parts) -> Iterator[dict[str, Any]]:
    for data in data_of(answer.iter_text()):
        if data == "[DONE]":
            parts.done = True
            return
        try:
            event = json.loads(data)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            raise CliError(
                f"The answer is no stream of a chat: {data[:100]!r} came where an event belongs.",
                "Check that --url, or modelyard:gateway.baseUrl, leads to a gateway of this stack.",
                ExitCode.FAILED,
            )
        if "error" in event:
            raise CliError(
                f"The model ended its answer with an error: {_message(event)}.",
                "Ask again; `modelyard logs` has the model's own words.",
                ExitCode.FAILED,
            )
        yield event


def _pieces(event: Mapping[str, Any], parts: _Parts) -> tuple[str, str]:
    """What the model thought and what it said in an event."""
    parts.usage = event.get("usage") or parts.usage
    choice: Mapping[str, Any] = next(iter(event.get("choices") or ()), {})
    parts.finish_reason = choice.get("finish_reason") or parts.finish_reason
    delta = choice.get("delta") or {}
    text = delta.get("content") or ""
    parts.text.append(text)
    # vLLM calls it ``reasoning``; before 0.12, and elsewhere, it is ``reasoning_content``.
    return delta.get("reasoning") or delta.get("reasoning_content") or "", text


def _refused(answer: httpx.Response) -> CliError:
    said = _message_of(answer)
    match answer.status_code:
        case 401:
            return CliError(
                f"The gateway does not know the caller: {said}",
                "Give a key of one of the stack's consumers: --api-key, or the variable MODELYARD_API_KEY.",
                ExitCode.CREDENTIALS,
            )
        case 403:
            return CliError(
                f"The caller may not use this route: {said}",
                "Use the key of a consumer that the route names, or add this one to its `consumers`.",
                ExitCode.CREDENTIALS,
            )
        case 404:
            return CliError(said, "Ask for one of these; `modelyard models` lists them.", ExitCode.NOT_FOUND)
        case status:
            return CliError(
                f"The gateway answered with status {status}: {said}",
                "`modelyard status` says what the models do, and `modelyard logs MODEL` why.",
                ExitCode.FAILED,
            )


def _message_of(answer: httpx.Response) -> str:
    try:
        return _message(answer.json())
    except ValueError:
        return answer.text.strip()[:200] or answer.reason_phrase


def _message(body: Any) -> str:
    """The message of an error in OpenAI's form, or whatever is there in its place."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, Mapping) and isinstance(error.get("message"), str):
        return str(error["message"])
    return json.dumps(body)[:200]
