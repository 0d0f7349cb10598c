"""What happens when a model fails before the first byte of its answer."""

import asyncio
from collections.abc import Callable

import httpx
import openai
import pytest

from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Answer, Pod, hang, reset, status
from tests.gateway.harness import Gateway, eventually, question, stack
from tests.gateway.test_errors import refusal

pytestmark = pytest.mark.gateway

UNAVAILABLE = (
    503,
    "server_error",
    "service_unavailable",
    None,
    "No model could answer for 'first': try again in 5 seconds.",
)

MODELS = ["first", "second", "third"]
CHAIN = stack(MODELS, [{"model": "first", "fallback": ["second", "third"]}])
IMPATIENT = stack(
    MODELS,
    [
        {
            "model": "first",
            "fallback": ["second", "third"],
            "timeouts": {"firstByteSeconds": 0.7, "answerSeconds": 0.7},
        }
    ],
)

Fault = Callable[[Pod], None]


def answers(answer: Answer) -> Fault:
    def fault(pod: Pod) -> None:
        pod.answer = answer

    return fault


FAULTS = {
    "500": answers(status(500)),
    "502": answers(status(502)),
    "503": answers(status(503)),
    "reset": answers(reset),
    "refused": Pod.kill,
}


@pytest.fixture
def first(pods: Pods) -> Pod:
    return pods("first")


@pytest.fixture
def second(pods: Pods) -> Pod:
    return pods("second")


@pytest.fixture
def third(pods: Pods) -> Pod:
    return pods("third")


@pytest.fixture
def gateway(start: Start, first: Pod, second: Pod, third: Pod) -> Gateway:
    return start(CHAIN, first=first, second=second, third=third)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_the_next_model_answers_under_its_own_name(
    gateway: Gateway, first: Pod, second: Pod, third: Pod, fault: Fault, stream: bool
) -> None:
    fault(first)

    answer = gateway.chat("first", stream=stream, seed=7)

    assert answer.status_code == 200
    assert answer.headers["x-modelyard-served-by"] == "second"
    assert answer.headers["x-modelyard-fallback-from"] == "first"
    counted = {"stream_options": {"include_usage": True}} if stream else {}
    assert second.received[-1].json == question("second", stream=stream, seed=7, **counted)
    assert third.received == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_two_of_three_fail(gateway: Gateway, first: Pod, second: Pod, third: Pod, fault: Fault) -> None:
    fault(first)
    fault(second)

    answer = gateway.chat("first")

    assert answer.status_code == 200
    assert answer.headers["x-modelyard-served-by"] == "third"
    assert answer.headers["x-modelyard-fallback-from"] == "first"
    assert third.received[-1].json["model"] == "third"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_all_fail(gateway: Gateway, first: Pod, second: Pod, third: Pod, fault: Fault, stream: bool) -> None:
    for pod in (first, second, third):
        fault(pod)

    answer = gateway.chat("first", stream=stream)

    assert refusal(answer) == UNAVAILABLE
    assert answer.headers["retry-after"] == "5"
    assert "x-modelyard-served-by" not in answer.headers
    assert "x-modelyard-fallback-from" not in answer.headers


@pytest.mark.parametrize("stream", [False, True])
def test_first_times_out(start: Start, first: Pod, second: Pod, third: Pod, stream: bool) -> None:
    gateway = start(IMPATIENT, first=first, second=second, third=third)
    first.answer = hang

    answer = gateway.chat("first", stream=stream)

    assert (answer.status_code, answer.headers["x-modelyard-served-by"]) == (200, "second")
    assert answer.headers["x-modelyard-fallback-from"] == "first"
    eventually(lambda: first.running == 0, "the first model's generation is cancelled")


@pytest.mark.parametrize("stream", [False, True])
def test_all_time_out(start: Start, first: Pod, second: Pod, third: Pod, stream: bool) -> None:
    gateway = start(IMPATIENT, first=first, second=second, third=third)
    for pod in (first, second, third):
        pod.answer = hang

    answer = gateway.chat("first", stream=stream)

    assert refusal(answer) == UNAVAILABLE
    assert answer.headers["retry-after"] == "5"
    assert [len(pod.received) for pod in (first, second, third)] == [1, 1, 1]


def test_each_model_is_asked_once(gateway: Gateway, first: Pod, second: Pod, third: Pod) -> None:
    for pod in (first, second, third):
        pod.answer = status(500)

    gateway.chat("first")

    assert [len(pod.received) for pod in (first, second, third)] == [1, 1, 1]


def test_model_without_a_healthy_pod_is_not_tried(gateway: Gateway, first: Pod, second: Pod) -> None:
    first.health = 503
    eventually(lambda: gateway.stat("cluster.first.membership_healthy") == 0, "the pod is unhealthy")

    answer = gateway.chat("first")

    assert answer.headers["x-modelyard-served-by"] == "second"
    assert first.received == []


def test_no_model_with_a_healthy_pod(gateway: Gateway, first: Pod, second: Pod, third: Pod) -> None:
    for pod in (first, second, third):
        pod.health = 503
    healthy = "cluster[.](first|second|third)[.]membership_healthy"
    eventually(lambda: sum(gateway.stats(healthy).values()) == 0, "no pod is healthy")

    assert refusal(gateway.chat("first")) == UNAVAILABLE


def test_the_model_answers_again_when_it_is_back(gateway: Gateway, first: Pod) -> None:
    first.kill()
    assert gateway.chat("first").headers["x-modelyard-served-by"] == "second"

    first.start()

    eventually(lambda: gateway.chat("first").headers["x-modelyard-served-by"] == "first", "the model answers again")


@pytest.mark.parametrize("megabytes", [0, 20])
def test_large_body_arrives_whole(gateway: Gateway, first: Pod, second: Pod, third: Pod, megabytes: int) -> None:
    prompt = "é" * (megabytes * 500_000)
    assert gateway.chat("first", prompt=prompt).headers["x-modelyard-served-by"] == "first"
    first.answer = second.answer = status(503)
    assert gateway.chat("first", prompt=prompt).headers["x-modelyard-served-by"] == "third"

    assert first.received[0].json == question("first", prompt=prompt)
    assert third.received[0].json == question("third", prompt=prompt)


def test_none_of_64_concurrent_requests_fails(gateway: Gateway, first: Pod) -> None:
    first.answer = status(503)

    async def ask_all() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=gateway.url, timeout=20) as client:
            ask = (client.post("/v1/chat/completions", json=question("first")) for _ in range(64))
            return await asyncio.gather(*ask)

    for fault in (None, Pod.kill):
        if fault:
            fault(first)
        responses = asyncio.run(ask_all())
        assert {response.status_code for response in responses} == {200}
        assert {response.headers["x-modelyard-served-by"] for response in responses} == {"second"}


def test_501_is_the_models_own_answer(gateway: Gateway, first: Pod, second: Pod, third: Pod) -> None:
    for pod in (first, second, third):
        pod.answer = status(501)

    answer = gateway.chat("first")

    assert (answer.status_code, answer.json()["error"]["message"]) == (501, "from the pod: 501")


def test_all_fail_for_the_openai_client(gateway: Gateway, first: Pod, second: Pod, third: Pod) -> None:
    for pod in (first, second, third):
        pod.kill()

    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client,
        pytest.raises(openai.InternalServerError) as error,
    ):
        client.chat.completions.create(model="first", messages=[{"role": "user", "content": "?"}])

    assert (error.value.status_code, error.value.code) == (503, "service_unavailable")


@pytest.mark.parametrize(("stream", "timeouts"), [(True, {"firstByteSeconds": 0.3}), (False, {"answerSeconds": 0.3})])
def test_lone_model_that_hangs(pods: Pods, start: Start, stream: bool, timeouts: dict[str, float]) -> None:
    pod = pods("lone")
    pod.answer = hang
    gateway = start(stack(["lone"], [{"model": "lone", "timeouts": timeouts}]), lone=pod)

    assert refusal(gateway.chat("lone", stream=stream))[:3] == UNAVAILABLE[:3]


@pytest.mark.parametrize("fault", ["503", "reset", "refused"])
def test_lone_model_is_asked_through_another_pod(pods: Pods, start: Start, fault: str) -> None:
    ill, well = pods("lone"), pods("lone")
    gateway = start(stack(["lone"]), lone=[ill, well])
    FAULTS[fault](ill)

    answers = [gateway.chat("lone") for _ in range(12)]

    assert {answer.status_code for answer in answers} == {200}
    assert "x-modelyard-fallback-from" not in answers[-1].headers
    assert len(well.received) == 12


def test_lone_model_that_cannot_answer_a_request_is_asked_once(pods: Pods, start: Start) -> None:
    pod = pods("lone")
    pod.answer = status(500)
    gateway = start(stack(["lone"]), lone=pod)

    assert refusal(gateway.chat("lone"))[:3] == (503, "server_error", "service_unavailable")
    assert len(pod.received) == 1
