"""Streamed answers."""

import json

import httpx
import openai
import pytest

from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Gate, Loop, hang, status, stream
from tests.gateway.harness import eventually, question, stack

pytestmark = pytest.mark.gateway

CHAIN = stack(["qwen", "gemma"], [{"model": "qwen", "fallback": ["gemma"]}])


def texts(lines: list[str]) -> list[str]:
    events = [line.removeprefix("data: ") for line in lines if line]
    return [event if event == "[DONE]" else json.loads(event)["choices"][0]["delta"]["content"] for event in events]


@pytest.mark.parametrize("fails", [False, True])
def test_each_event_arrives_before_the_next_is_made(pods: Pods, start: Start, loop: Loop, fails: bool) -> None:
    qwen, gemma = pods("qwen"), pods("gemma")
    gateway = start(CHAIN, qwen=qwen, gemma=gemma)
    gates = {1: Gate(loop), 2: Gate(loop)}
    qwen.answer, gemma.answer = (status(503) if fails else stream(3, gates)), stream(3, gates)

    with gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer:
        lines = answer.iter_lines()
        seen = [next(lines), next(lines)]
        assert texts(seen) == ["0 "]
        for position in (1, 2):
            gates[position].open()
            seen += [next(lines), next(lines)]
            assert texts(seen)[-1] == f"{position} "
        seen += list(lines)

    assert texts(seen) == ["0 ", "1 ", "2 ", "[DONE]"]
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-modelyard-served-by"] == ("gemma" if fails else "qwen")


def test_stream_that_breaks_is_not_replayed(pods: Pods, start: Start) -> None:
    qwen, gemma = pods("qwen"), pods("gemma")
    qwen.answer = stream(3, dies_before=2)
    gateway = start(CHAIN, qwen=qwen, gemma=gemma)

    seen: list[str] = []
    with (
        gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        seen.extend(answer.iter_lines())

    assert texts(seen) == ["0 ", "1 "]
    assert (len(qwen.received), len(gemma.received)) == (1, 0)


def test_stream_is_not_cut_by_the_time_for_its_first_byte(pods: Pods, start: Start, loop: Loop) -> None:
    qwen, slow = pods("qwen"), pods("slow")
    gate = Gate(loop)
    qwen.answer, slow.answer = stream(2, {1: gate}), hang
    timeouts = {"firstByteSeconds": 0.7, "answerSeconds": 0.7}
    routes = [{"model": name, "timeouts": timeouts} for name in ("qwen", "slow")]
    gateway = start(stack(["qwen", "slow"], routes), qwen=qwen, slow=slow)

    with gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer:
        lines = answer.iter_lines()
        seen = [next(lines)]
        # When this one has run into the limit, the stream is older than that.
        assert gateway.chat("slow", stream=True).status_code == 503
        gate.open()
        seen += list(lines)

    assert texts(seen) == ["0 ", "1 ", "[DONE]"]


def test_silent_stream_is_ended(pods: Pods, start: Start, loop: Loop) -> None:
    qwen = pods("qwen")
    qwen.answer = stream(2, {1: Gate(loop)})
    timeouts = {"firstByteSeconds": 1, "idleSeconds": 1}
    gateway = start(stack(["qwen"], [{"model": "qwen", "timeouts": timeouts}]), qwen=qwen)

    seen: list[str] = []
    with (
        gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        seen.extend(answer.iter_lines())

    assert texts(seen) == ["0 "]
    assert len(qwen.received) == 1


def test_client_that_leaves_frees_the_pod(pods: Pods, start: Start, loop: Loop) -> None:
    qwen = pods("qwen")
    qwen.answer = stream(2, {1: Gate(loop)})
    gateway = start(stack(["qwen"]), qwen=qwen)

    with gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer:
        lines = answer.iter_lines()  # without a name it would end here, and the connection with it
        next(lines)
        eventually(lambda: qwen.running == 1, "the pod is generating")

    eventually(lambda: qwen.running == 0, "the generation is cancelled")


def test_the_openai_client_reads_a_stream_and_notices_a_broken_one(pods: Pods, start: Start) -> None:
    qwen = pods("qwen")
    gateway = start(stack(["qwen"]), qwen=qwen)

    def read(client: openai.OpenAI) -> str:
        chunks = client.chat.completions.create(model="qwen", messages=[{"role": "user", "content": "?"}], stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        assert read(client) == "0 1 2 "
        qwen.answer = stream(3, dies_before=2)
        with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
            read(client)
