"""A model's pod is replaced while clients ask for it, plain and streamed, through the gateway: nobody notices."""

import openai
import pytest

from local.experiment import await_models
from local.kubectl import kubectl
from local.paths import Paths
from local.waiting import wait_for
from tests.live.conftest import await_rollout, identity
from tests.live.load import Load

pytestmark = [pytest.mark.live, pytest.mark.faults, pytest.mark.timeout(1200)]

MODEL, FALLBACK = "qwen2-1-5b", "gemma-2-2b"
LABEL = f"app.kubernetes.io/instance={MODEL}"


def test_a_rolling_restart_under_load_loses_no_request(stack: Paths, client: openai.OpenAI) -> None:
    await_models(client, [MODEL, FALLBACK])
    before = identity(stack, LABEL)
    with Load(MODEL).running(clients=2) as load:
        wait_for(lambda: load.served(MODEL), seconds=120, what="answers before the restart")
        kubectl(stack, "rollout", "restart", f"statefulset/{MODEL}")
        await_rollout(stack, MODEL)
        counts = max(load.answered[MODEL, stream] for stream in (False, True))
        wait_for(lambda: load.served(MODEL, more_than=counts), seconds=300, what="answers of the new pod")
    assert load.lost == []
    # Its fallback stood in while it was away: these were answers, and not a pause.
    assert load.served(FALLBACK)
    after = identity(stack, LABEL)
    assert {uid for uid, _ in after}.isdisjoint(uid for uid, _ in before)
    assert [restarts for _, restarts in after] == [0] * len(after)


def test_the_reason_of_a_crash_is_in_the_pods_status(stack: Paths) -> None:
    def message() -> str | None:
        path = "{.status.containerStatuses[0].lastState.terminated.message}"
        return kubectl(stack, "get", "pod", f"{MODEL}-0", f"--output=jsonpath={path}").strip() or None

    # The engine's process, ended as by a fault of its own: the container is to follow it with a reason.
    kubectl(stack, "exec", f"{MODEL}-0", "--", "sh", "-c", KILL_ENGINE)
    said = wait_for(message, seconds=60, what="the reason of the crash")
    assert said.startswith("vLLM's engine died")
    await_rollout(stack, MODEL)


KILL_ENGINE = 'for p in /proc/[0-9]*; do grep -qs "^VLLM::EngineCor" $p/comm && kill -ABRT ${p#/proc/}; done; true'
