"""Answers that begin with status 200 and break off are counted as errors, and nothing else of that status is."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from aiohttp import web

from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Answer, Gate, Loop, Pod, completion, error, hang, reset, status, stream
from tests.gateway.harness import Gateway, eventually, question, stack
from tests.gateway.test_tokens import series

pytestmark = pytest.mark.gateway

TIMEOUTS = {"firstByteSeconds": 1, "idleSeconds": 1, "answerSeconds": 1}
CHAIN = stack(
    ["qwen", "gemma"],
    [{"model": "qwen", "fallback": ["gemma"], "timeouts": TIMEOUTS}, {"model": "gemma", "timeouts": TIMEOUTS}],
)


def ends_with(code: int) -> Answer:
    """A stream that vLLM ends with an error of that code, because its engine cannot go on."""

    async def reply(_: Pod, request: web.Request, __: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        await response.write(b'data: {"choices": [{"index": 0, "delta": {"content": "data: {\\"error\\": 500"}}]}\n\n')
        body = error(code, "EngineCore encountered an issue.").body
        assert isinstance(body, bytes)
        await response.write(b"data: " + body + b"\n\ndata: [DONE]\n\n")
        return response

    return reply


async def half(pod: Pod, request: web.Request, fields: dict[str, Any]) -> web.StreamResponse:
    """A plain answer, of a length that is not told, that breaks off."""
    response = web.StreamResponse(headers={"content-type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"choices": [')
    return await reset(pod, request, fields)


def errors(gateway: Gateway) -> Counter[tuple[str, ...]]:
    return series(gateway, "errors_total")


def read(gateway: Gateway, *, streamed: bool) -> None:
    """Ask for the first model, and read the answer as far as it comes."""
    with suppress(httpx.RemoteProtocolError):
        assert gateway.chat("qwen", stream=streamed).status_code == 200


@pytest.mark.parametrize("served_by", ["qwen", "gemma"])
@pytest.mark.parametrize(
    ("answer", "streamed", "flags"),
    [
        (lambda _: stream(3, dies_before=2), True, {"UPE"}),
        # Two of Envoy's timers end a silence at the same time: that of the request, and that of the try.
        (lambda loop: stream(3, {1: Gate(loop)}), True, {"SI", "UT"}),
        (lambda _: ends_with(500), True, {"-"}),
        (lambda _: half, False, {"UPE"}),
    ],
    ids=["dies", "falls silent", "says so", "plain"],
)
def test_what_breaks_off_is_an_error(
    pods: Pods,
    start: Start,
    loop: Loop,
    answer: Callable[[Loop], Answer],
    streamed: bool,
    flags: set[str],
    served_by: str,
) -> None:
    qwen, gemma = pods("qwen"), pods("gemma")
    qwen.answer, gemma.answer = status(503), answer(loop)
    if served_by == "qwen":
        qwen.answer = answer(loop)
    gateway = start(CHAIN, qwen=qwen, gemma=gemma)

    read(gateway, streamed=streamed)

    eventually(lambda: len(gateway.log()) == 1, "the request is logged")
    # By route, model that served, consumer, status and flags.
    (((*labels, flag), times),) = errors(gateway).items()
    assert (labels, times) == (["qwen", served_by, "", "200"], 1)
    assert flag in flags
    assert series(gateway, "requests_total") == Counter({("qwen", served_by, "", "200"): 1})


@pytest.mark.parametrize("streamed", [True, False])
def test_what_a_fallback_answers_whole_is_none(pods: Pods, start: Start, streamed: bool) -> None:
    qwen, gemma = pods("qwen"), pods("gemma")
    gateway = start(CHAIN, qwen=qwen, gemma=gemma)
    failures = [status(503), reset, hang, completion]

    for failure in failures:
        qwen.answer = failure
        read(gateway, streamed=streamed)
    qwen.kill()
    read(gateway, streamed=streamed)

    eventually(lambda: len(gateway.log()) == len(failures) + 1, "every request is logged")
    assert [line["served_by"] for line in gateway.log()] == ["gemma", "gemma", "gemma", "qwen", "gemma"]
    assert errors(gateway) == Counter()


def test_what_the_client_is_to_blame_for_is_none(pods: Pods, start: Start, loop: Loop) -> None:
    qwen = pods("qwen")
    gateway = start(CHAIN, qwen=qwen, gemma=pods("gemma"))

    qwen.answer = ends_with(400)
    read(gateway, streamed=True)
    qwen.answer = stream(2, {1: Gate(loop)})
    with gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer:
        next(answer.iter_lines())

    eventually(lambda: [line["flags"] for line in gateway.log()] == ["-", "DC"], "both are logged")
    assert errors(gateway) == Counter()
