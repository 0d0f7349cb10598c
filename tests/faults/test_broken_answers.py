"""Upstreams whose answers are no HTTP, end too soon, never end, or carry more than one was asked for."""

import json
import time
from collections.abc import Callable

import httpx
import openai
import psutil
import pytest

from tests.faults.conftest import RawPods
from tests.faults.raw import Break, Hold, RawPod, Repeat, Say, Script
from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Pod
from tests.gateway.harness import Gateway, eventually, question, stack
from tests.gateway.test_errors import refusal

pytestmark = [pytest.mark.gateway, pytest.mark.faults]

FIRST_BYTE_SECONDS = 1
ANSWER_SECONDS = 3
TIMEOUTS = {"firstByteSeconds": FIRST_BYTE_SECONDS, "answerSeconds": ANSWER_SECONDS, "idleSeconds": 1}
CHAIN = stack(["qwen", "gemma"], [{"model": "qwen", "fallback": ["gemma"], "timeouts": TIMEOUTS}, {"model": "gemma"}])
ALONE = stack(["qwen"], [{"model": "qwen", "timeouts": TIMEOUTS}])

CHAIN_SECONDS = 2 * ANSWER_SECONDS + FIRST_BYTE_SECONDS
"""Bound of a request to a chain of two: an answer that has begun is waited for as long as the whole chain may take."""

SLACK_SECONDS = 4
"""How much later than its timeout a request may end here, where other programs run beside the test."""

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"

NO_ANSWER: dict[str, list[Script]] = {
    "no HTTP": [Say(b"220 mail.example ESMTP ready\r\n\r\n")],
    "a broken status line": [Say(b"HTTP/1.1 OK 200\r\n\r\n")],
    "a header with NUL": [Say(OK + b"x-text: a\x00b\r\ncontent-length: 2\r\n\r\n{}")],
    "headers too large": [Say(OK + b"x-large: " + b"x" * 200_000 + b"\r\ncontent-length: 2\r\n\r\n{}")],
    "headers without end": [Say(OK), Repeat(b"x-more: 1\r\n")],
    "slow headers": [Say(OK), Repeat(b"x", pause_seconds=0.2)],
    "half the headers and no more": [Say(OK), Hold()],
    "half the headers and a reset": [Say(OK), Break()],
    "half the headers and the end": [Say(OK)],
    "nothing and the end": [],
    "two lengths": [Say(OK + b"content-length: 2\r\ncontent-length: 5\r\n\r\n{}")],
    "a length and chunks": [Say(OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")],
    "a length that is no number": [Say(OK + b"content-length: two\r\n\r\n{}")],
}
"""What comes before any answer: the next of the chain is asked."""

HALF_AN_ANSWER: dict[str, list[Script]] = {
    "ends before its length": [Say(OK + b'content-length: 1000\r\n\r\n{"id":')],
    "reset before its length": [Say(OK + b'content-length: 1000\r\n\r\n{"id":'), Break()],
    "stops before its length": [Say(OK + b'content-length: 1000\r\n\r\n{"id":'), Hold()],
    "chunk that is none": [Say(OK + b'transfer-encoding: chunked\r\n\r\n6\r\n{"id":\r\nzz\r\n')],
    "chunks that stop": [Say(OK + b'transfer-encoding: chunked\r\n\r\n6\r\n{"id":\r\n'), Hold()],
    "events that stop": [Say(STREAM + b"transfer-encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n"), Hold()],
    "events and a reset": [Say(STREAM + b"transfer-encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n"), Break()],
}
"""What breaks after the answer began: nothing is replayed, and no client takes it for whole."""


@pytest.fixture
def begin(start: Start, pods: Pods, raw_pods: RawPods) -> Callable[..., tuple[Gateway, RawPod, Pod]]:
    """A gateway before a model that answers by a script, with one that is well behind it."""

    def put_up(script: list[Script]) -> tuple[Gateway, RawPod, Pod]:
        qwen, gemma = raw_pods(*script), pods("gemma")
        return start(CHAIN, qwen=qwen, gemma=gemma), qwen, gemma

    return put_up


Begin = Callable[..., tuple[Gateway, RawPod, Pod]]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("script", NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_the_next_model_answers_for_one_whose_answer_never_begins(
    begin: Begin, script: list[Script], stream: bool
) -> None:
    gateway, qwen, gemma = begin(script)
    began = time.monotonic()

    answer = gateway.chat("qwen", stream=stream)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-modelyard-served-by"] == "gemma"
    assert (len(qwen.requests), len(gemma.received)) == (1, 1)
    assert time.monotonic() - began < CHAIN_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize("script", NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_a_model_alone_whose_answer_never_begins_is_an_error_of_the_gateway(
    start: Start, raw_pods: RawPods, script: list[Script]
) -> None:
    gateway = start(ALONE, qwen=raw_pods(*script))
    began = time.monotonic()

    answer = gateway.chat("qwen")

    assert refusal(answer)[:3] == (503, "server_error", "service_unavailable")
    assert answer.headers["retry-after"] == "5"
    assert time.monotonic() - began < CHAIN_SECONDS + SLACK_SECONDS


def test_hints_of_an_answer_that_never_comes_end_in_an_error(begin: Begin) -> None:
    gateway, _, _ = begin([Say(b"HTTP/1.1 103 Early Hints\r\n\r\n"), Hold()])

    # They are passed on, so something was sent and no other model may answer.
    assert refusal(gateway.chat("qwen"))[:3] == (503, "server_error", "service_unavailable")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("script", HALF_AN_ANSWER.values(), ids=HALF_AN_ANSWER.keys())
def test_half_an_answer_is_never_taken_for_a_whole_one(begin: Begin, script: list[Script], stream: bool) -> None:
    gateway, _, gemma = begin(script)
    began = time.monotonic()

    try:
        answer = gateway.chat("qwen", stream=stream)
    except httpx.TransportError:
        pass
    else:
        # One that was held to count its tokens had not been sent yet.
        assert refusal(answer)[:3] == (503, "server_error", "service_unavailable")

    assert gemma.received == []
    assert time.monotonic() - began < CHAIN_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize(
    "script",
    [
        [Say(OK + b"content-length: 100000\r\n\r\n{"), Repeat(b" ", 0.2)],
        [Say(OK + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"), Repeat(b"1\r\n \r\n", 0.2)],
        [Say(b"HTTP/1.1 503 \r\ntransfer-encoding: chunked\r\n\r\n"), Repeat(b"1\r\n \r\n", 0.2)],
        [Repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.2)],
    ],
    ids=["of some length", "of any length", "an error", "hints"],
)
def test_a_plain_answer_that_trickles_without_end_is_ended(
    start: Start, raw_pods: RawPods, script: list[Script]
) -> None:
    gateway = start(CHAIN, qwen=raw_pods(*script), gemma=raw_pods(*script))
    began = time.monotonic()

    # One reads no longer than the gateway waits; a client's own timeouts would never pass, for something comes.
    with gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen")) as answer:
        try:
            for _ in answer.iter_raw():
                assert time.monotonic() - began < CHAIN_SECONDS + SLACK_SECONDS
        except httpx.TransportError:
            pass
        else:
            assert answer.status_code == 503

    assert time.monotonic() - began < CHAIN_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize("script", [script for name, script in HALF_AN_ANSWER.items() if "events" in name])
def test_half_a_stream_breaks_off(begin: Begin, script: list[Script]) -> None:
    gateway, _, _ = begin(script)

    with pytest.raises(httpx.TransportError):
        gateway.chat("qwen", stream=True)


def test_the_gateway_goes_on_after_every_kind_of_broken_answer(start: Start, raw_pods: RawPods, pods: Pods) -> None:
    qwen, gemma = raw_pods(), pods("gemma")
    gateway = start(CHAIN, qwen=qwen, gemma=gemma)
    for script in [*NO_ANSWER.values(), *HALF_AN_ANSWER.values()]:
        qwen.script = tuple(script)
        with httpx.Client(base_url=gateway.url, timeout=20) as client:
            try:
                client.post("/v1/chat/completions", json=question("qwen", stream=True))
            except httpx.TransportError:
                continue

    assert gateway.chat("gemma").status_code == 200
    eventually(lambda: gateway.stat("http.edge.downstream_rq_active") == 0, "no request is left over")
    eventually(lambda: qwen.connections <= 1, "connections to the model are closed, but for the health check's")


MALFORMED_EVENTS = [
    b"data: {not json}\n\n",
    b"data: \xff\xfe\xfa\n\n",
    b"data: [1, 2, 3]\n\n",
    b"data: null\n\n",
    b"data: 5\n\n",
    b'data: "text"\n\n',
    b"data: [1, 2, 3]\n\ndata: null\n\n",
    b"\n\n\n\n: comment\n\nevent: x\nid: 1\nretry: 5\n\n",
    b'data: {"usage": {"prompt_tokens": "many", "completion_tokens": -1}}\n\n',
    b'data: {"usage": {"prompt_tokens": 1e400}}\n\n',
    b'data: {"usage": 5, "choices": {}}\r\n\r\n',
    b"data: " + b"x" * 3_000_000 + b"\n\n",
    b"data: " + b"[" * 50_000 + b"\n\n",
    b"no colon at all",
]


@pytest.mark.parametrize("event", MALFORMED_EVENTS, ids=range(len(MALFORMED_EVENTS)))
def test_events_that_are_none_arrive_as_they_were_sent(start: Start, raw_pods: RawPods, event: bytes) -> None:
    content = b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n' + event
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
    gateway = start(ALONE, qwen=raw_pods(Say(STREAM + b"transfer-encoding: chunked\r\n\r\n" + chunk)))

    # Who asks for the count of tokens gets all that the model says.
    answer = gateway.chat("qwen", stream=True, stream_options={"include_usage": True})

    assert answer.content == content
    assert answer.headers["x-modelyard-served-by"] == "qwen"


def test_bytes_behind_an_answer_reach_nobody_else(begin: Begin) -> None:
    body = b'{"id":"first"}'
    stray = OK + b'content-length: 14\r\n\r\n{"id":"stray"}'
    gateway, qwen, gemma = begin([Say(OK + b"content-length: %d\r\n\r\n%s%s" % (len(body), body, stray)), Hold()])

    answers = [gateway.chat("qwen") for _ in range(5)]

    assert {answer.text for answer in answers} <= {body.decode(), *[a.text for a in answers if "from gemma" in a.text]}
    assert "stray" not in "".join(answer.text for answer in answers)
    assert answers[0].json() == {"id": "first"}
    assert len(qwen.requests) + len(gemma.received) == 5


def test_an_answer_without_end_fills_no_memory(start: Start, raw_pods: RawPods) -> None:
    block = b"10000\r\n" + b"data: " + b"x" * (0x10000 - 8) + b"\n\n" + b"\r\n"
    gateway = start(ALONE, qwen=raw_pods(Say(STREAM + b"transfer-encoding: chunked\r\n\r\n"), Repeat(block)))
    before = _resident_mib(gateway)

    # A client that reads nothing: what it doesn't read must wait in the model's pod.
    with gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer:
        assert answer.status_code == 200
        eventually(lambda: _is_still(gateway), "the gateway takes nothing more from the model")
        grown = _resident_mib(gateway) - before

    assert grown < 32


def _is_still(gateway: Gateway) -> bool:
    seen = gateway.stat("cluster.qwen.upstream_cx_rx_bytes_total")
    time.sleep(0.3)
    return seen > 0 and gateway.stat("cluster.qwen.upstream_cx_rx_bytes_total") == seen


def _resident_mib(gateway: Gateway) -> float:
    return float(psutil.Process(gateway.pid).memory_info().rss) / 2**20


def test_the_openai_client_raises_on_a_stream_that_breaks(begin: Begin) -> None:
    event = json.dumps(
        {
            "id": "1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "qwen",
            "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}],
        }
    )
    content = f"data: {event}\n\n".encode()
    chunk = b"%x\r\n%s\r\n" % (len(content), content)
    gateway, _, _ = begin([Say(STREAM + b"transfer-encoding: chunked\r\n\r\n" + chunk), Break()])
    seen: list[str | None] = []
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        answer = client.chat.completions.create(model="qwen", messages=[{"role": "user", "content": "a"}], stream=True)
        with pytest.raises((openai.APIConnectionError, httpx.TransportError)):
            seen.extend(part.choices[0].delta.content for part in answer)
    assert seen == ["a"]
