"""Several pods of one model."""

import asyncio

import httpx
import pytest

from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Gate, Loop, after, completion, status
from tests.gateway.harness import eventually, question, stack

pytestmark = pytest.mark.gateway


def test_requests_go_to_the_pod_with_the_fewest(pods: Pods, start: Start, loop: Loop) -> None:
    replicas = [pods("qwen") for _ in range(3)]
    gate = Gate(loop)
    for pod in replicas:
        pod.answer = after(gate)
    gateway = start(stack(["qwen"]), qwen=replicas)

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=gateway.url, timeout=20) as client:
            tasks = [asyncio.create_task(client.post("/v1/chat/completions", json=question("qwen"))) for _ in range(30)]
            while sum(pod.running for pod in replicas) < 30:
                await asyncio.sleep(0.01)
            gate.open()
            return await asyncio.gather(*tasks)

    responses = asyncio.run(ask())

    assert {response.status_code for response in responses} == {200}
    assert all(len(pod.received) >= 5 for pod in replicas)


def test_unhealthy_pod_gets_no_request_until_it_is_well(pods: Pods, start: Start) -> None:
    ill, well = pods("qwen"), pods("qwen")
    gateway = start(stack(["qwen"]), qwen=[ill, well])
    ill.health = 503
    eventually(lambda: gateway.stat("cluster.qwen.membership_healthy") == 1, "one pod is healthy")

    assert {gateway.chat("qwen").status_code for _ in range(20)} == {200}
    assert (len(ill.received), len(well.received)) == (0, 20)

    ill.health = 200
    eventually(lambda: gateway.stat("cluster.qwen.membership_healthy") == 2, "both pods are healthy")
    eventually(lambda: bool(gateway.chat("qwen") and ill.received), "the pod gets requests again")


def test_pod_whose_answers_are_errors_is_left_out(pods: Pods, start: Start) -> None:
    ill, well = pods("qwen"), pods("qwen")
    ill.answer = status(503)
    gateway = start(stack(["qwen"]), qwen=[ill, well])

    def is_ejected() -> bool:
        assert gateway.chat("qwen").status_code == 200
        return gateway.stat("cluster.qwen.outlier_detection.ejections_active") == 1

    eventually(is_ejected, "the pod is left out, although it says that it is healthy")
    before = len(ill.received)
    assert {gateway.chat("qwen").status_code for _ in range(20)} == {200}
    assert len(ill.received) == before

    ill.answer = completion
    eventually(lambda: bool(gateway.chat("qwen") and len(ill.received) > before), "the pod is back")


def test_dead_pod_is_left_out_before_its_health_check_fails(pods: Pods, start: Start) -> None:
    dead, well = pods("qwen"), pods("qwen")
    gateway = start(stack(["qwen"]), qwen=[dead, well])
    dead.kill()

    def is_ejected() -> bool:
        assert gateway.chat("qwen").status_code == 200
        return gateway.stat("cluster.qwen.membership_healthy") == 1

    eventually(is_ejected, "the pod is left out")
