"""The reference experiment: what a client sees of two models, and of the loss of one of them."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import openai

from local.waiting import wait_for
from stacks.drill import DrillError
from stacks.drill.losing import RECOVERY_SECONDS, Kill, lose
from stacks.drill.table import seconds
from stacks.settings import RouteSettings, StackSettings

QUESTION = "What is the capital of France?"
MAX_TOKENS = 24
PER_SECOND = 1.0
"""Requests a second: no load test, for the returning model needs the processors."""

Observe = Callable[["Verdict"], None]


@dataclass(frozen=True)
class Verdict:
    """One line of the report: what was tried, whether it went as promised, and what was seen."""

    what: str
    passed: bool
    seen: str


@dataclass(frozen=True)
class Answer:
    """What the gateway answered: the text, who wrote it, whose place it took, and the time in seconds."""

    text: str
    served_by: str | None
    fallback_from: str | None
    first_token_seconds: float
    seconds: float


def ask(client: openai.OpenAI, model: str, *, stream: bool) -> Answer:
    """One chat completion.

    Raises:
        openai.OpenAIError: when the answer is no 200, or breaks off.
    """
    begin = time.monotonic()
    request: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": MAX_TOKENS,
        "temperature": 0,
        "stream": stream,
    }
    response = client.chat.completions.with_raw_response.create(**request)
    first, text = 0.0, ""
    if stream:
        for event in response.parse():
            first = first or time.monotonic() - begin
            text += (event.choices[0].delta.content or "") if event.choices else ""
    else:
        text = response.parse().choices[0].message.content or ""
    total = time.monotonic() - begin
    headers = response.headers
    served, instead_of = headers.get("x-modelyard-served-by"), headers.get("x-modelyard-fallback-from")
    return Answer(text, served, instead_of, first or total, total)


def await_models(client: openai.OpenAI, models: Sequence[str], *, seconds: float = 600) -> None:
    """Wait until every model answers for itself.

    After a restart of the node the API still says for a while that its pods are ready, as they were before.

    Raises:
        TimeoutError: when one has not within ``seconds``.
    """

    def answers(model: str) -> bool | None:
        try:
            return ask(client, model, stream=False).served_by == model or None
        except openai.OpenAIError:
            return None

    for model in models:
        wait_for(lambda model=model: answers(model), f"{model} to answer", seconds=seconds, every=0.5)  # type: ignore[misc]


def run(
    client: openai.OpenAI,
    stack: StackSettings,
    route: RouteSettings,
    *,
    kill: Kill,
    observe: Observe,
    recovery_seconds: float = RECOVERY_SECONDS,
) -> bool:
    """Run the whole experiment and tell ``observe`` every verdict; True when all of it went as promised.

    ``kill`` deletes the pod of the route's model; the experiment goes on asking for that model until
    it answers for itself again, for ``recovery_seconds`` at most.
    """
    passed = True
    for verdict in _verdicts(client, stack, route, kill, recovery_seconds):
        observe(verdict)
        passed = passed and verdict.passed
    return passed


def _verdicts(
    client: openai.OpenAI, stack: StackSettings, route: RouteSettings, kill: Kill, recovery_seconds: float
) -> Iterator[Verdict]:
    models = (route.model, route.fallback[0])
    yield _lists_models(client, set(models))
    for model in models:
        yield _answers(client, model, stream=False)
        yield _answers(client, model, stream=True)
    yield _refuses_unknown(client)
    yield _survives(client, stack, route, kill, recovery_seconds)


def _lists_models(client: openai.OpenAI, wanted: set[str]) -> Verdict:
    try:
        listed = {model.id for model in client.models.list()}
    except openai.OpenAIError as error:
        return Verdict("/v1/models lists both", False, str(error))
    return Verdict("/v1/models lists both", wanted <= listed, ", ".join(sorted(listed)))


def _answers(client: openai.OpenAI, model: str, *, stream: bool) -> Verdict:
    what = f"{model} answers, {'streamed' if stream else 'plain'}"
    try:
        answer = ask(client, model, stream=stream)
    except openai.OpenAIError as error:
        return Verdict(what, False, str(error))
    passed = bool(answer.text.strip()) and answer.served_by == model and answer.fallback_from is None
    timing = f"first token {answer.first_token_seconds:.2f} s, " if stream else ""
    seen = f"{answer.text.strip()!r} by {answer.served_by}, {timing}{answer.seconds:.2f} s"
    return Verdict(what, passed, seen)


def _refuses_unknown(client: openai.OpenAI) -> Verdict:
    what = "an unknown model gets 404"
    try:
        ask(client, "no-such-model", stream=False)
    except openai.NotFoundError as error:
        return Verdict(what, "no-such-model" in str(error), str(error))
    except openai.OpenAIError as error:
        return Verdict(what, False, str(error))
    return Verdict(what, False, "an answer")


def _survives(
    client: openai.OpenAI, stack: StackSettings, route: RouteSettings, kill: Kill, recovery_seconds: float
) -> Verdict:
    """A drill. Its streams begin once the backup has answered.

    One whose pod dies under it after its first byte breaks off, as the gateway promises, and for a moment after
    the deletion the old pod still answers.
    """
    what = f"{route.model}'s pod deleted: every request is 200"
    with httpx.Client(base_url=str(client.base_url).removesuffix("/v1/")) as asking:
        try:
            loss = lose(
                stack,
                route,
                asking,
                kill=kill,
                per_second=PER_SECOND,
                recovery_seconds=recovery_seconds,
                careful=True,
            )
        except DrillError as error:
            return Verdict(what, False, error.problem)
    if loss.problems:
        return Verdict(what, False, "; ".join(loss.problems))
    served = Counter(sample.served_by for sample in loss.samples)
    counts = ", ".join(f"{count} by {name}" for name, count in served.items())
    seen = (
        f"{served.total()} requests: {counts}; first answered by {route.fallback[0]} after "
        f"{seconds(loss.first_fallback_seconds)}, back after {seconds(loss.recovery_seconds)}, "
        f"slowest {seconds(loss.slowest_seconds)}"
    )
    return Verdict(what, loss.cut_streams == 0, seen)
