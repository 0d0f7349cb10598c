"""A changed ConfigMap is picked up while requests are running."""

import asyncio
from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from stacks.settings import StackSettings
from tests.gateway.conftest import Pods, Start
from tests.gateway.fakes import Gate, Loop, stream
from tests.gateway.harness import Gateway, eventually, question, stack

pytestmark = pytest.mark.gateway

CLIENTS = 16


def listed(gateway: Gateway) -> list[str]:
    return [model["id"] for model in gateway.client.get("/v1/models").json()["data"]]


def fallbacks() -> list[StackSettings]:
    return [
        stack(["qwen", "gemma"]),
        stack(["qwen", "gemma"], [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}]),
        stack(["qwen"]),
        stack(["qwen", "gemma"], [{"model": "qwen", "fallback": ["gemma"]}]),
    ]


def canary() -> list[StackSettings]:
    def share(percent: int) -> StackSettings:
        upstreams = [{"model": "qwen", "weight": 100 - percent}, {"model": "gemma", "weight": percent}]
        return stack(
            ["qwen", "gemma"],
            [{"model": "qwen", "upstreams": upstreams}, {"model": f"{percent}%", "upstreams": [{"model": "gemma"}]}],
        )

    return [stack(["qwen", "gemma"]), *(share(percent) for percent in (0, 10, 50, 100))]


@pytest.mark.parametrize("changes", [fallbacks, canary])
def test_no_request_fails_while_routes_change(
    pods: Pods, start: Start, changes: Callable[[], list[StackSettings]]
) -> None:
    gateway = start(stack(["qwen"]), qwen=pods("qwen"), gemma=pods("gemma"))
    seen: Counter[int] = Counter()

    async def keep_asking(client: httpx.AsyncClient, stop: asyncio.Event) -> None:
        while not stop.is_set():
            answer = await client.post("/v1/chat/completions", json=question("qwen"))
            seen[answer.status_code] += 1

    async def change_all() -> None:
        for settings in changes():
            before = seen.total()
            gateway.publish(settings)
            wanted = [route.model for route in settings.all_routes]
            while await asyncio.to_thread(listed, gateway) != wanted or seen.total() < before + 4 * CLIENTS:
                await asyncio.sleep(0.01)

    async def run() -> None:
        stop = asyncio.Event()
        async with httpx.AsyncClient(base_url=gateway.url, timeout=20) as client:
            clients = [asyncio.create_task(keep_asking(client, stop)) for _ in range(CLIENTS)]
            await asyncio.wait_for(change_all(), timeout=20)
            stop.set()
            await asyncio.gather(*clients)

    asyncio.run(run())

    assert seen.keys() == {200}
    assert not any(gateway.stats("update_rejected|update_failure").values())


def test_running_stream_outlives_the_removal_of_its_model(pods: Pods, start: Start, loop: Loop) -> None:
    qwen = pods("qwen")
    gate = Gate(loop)
    qwen.answer = stream(2, {1: gate})
    gateway = start(stack(["qwen", "gemma"]), qwen=qwen, gemma=pods("gemma"))

    with gateway.client.stream("POST", "/v1/chat/completions", json=question("qwen", stream=True)) as answer:
        lines = answer.iter_lines()
        next(lines)
        gateway.publish(stack(["gemma"]))
        with httpx.Client(base_url=gateway.url) as other:
            eventually(
                lambda: other.post("/v1/chat/completions", json=question("qwen")).status_code == 404,
                "the model is gone",
            )
        gate.open()
        assert list(lines)[-2:] == ["data: [DONE]", ""]


def test_new_fallback_counts(pods: Pods, start: Start) -> None:
    qwen = pods("qwen")
    gateway = start(stack(["qwen", "gemma"]), qwen=qwen, gemma=pods("gemma"))
    qwen.kill()
    assert gateway.chat("qwen").status_code == 503

    gateway.publish(stack(["qwen", "gemma"], [{"model": "qwen", "fallback": ["gemma"]}]))

    eventually(lambda: gateway.chat("qwen").status_code == 200, "gemma stands in")
    assert gateway.chat("qwen").headers["x-modelyard-served-by"] == "gemma"


def test_broken_file_changes_nothing(pods: Pods, start: Start) -> None:
    gateway = start(stack(["qwen"]), qwen=pods("qwen"))

    gateway.publish_files({"cds.yaml": {"resources": "none"}, "rds.yaml": {"resources": "none"}})

    eventually(lambda: sum(gateway.stats("(cds|rds.models).update_failure").values()) >= 2, "both are refused")
    assert gateway.chat("qwen").status_code == 200
