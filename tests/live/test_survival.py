"""Parts of the cluster fail while clients ask: each is answered or refused in OpenAI's form, and all comes back.

It stands behind the files that need the local stack as it is written: here it has shorter timeouts.
"""

import json
import time
from collections.abc import Iterator

import openai
import pytest
import yaml

from local import cluster
from local import pulumi as pulumi_command
from local.control_plane import NODE_NAME, programs
from local.experiment import await_models
from local.kubectl import get, kubectl
from local.node import find_node
from local.paths import CHECKOUT, Paths
from local.stack import local_settings
from local.waiting import wait_for
from tests.live.conftest import await_rollout, identity, pod
from tests.live.load import CLIENT_SECONDS, Load

pytestmark = [pytest.mark.live, pytest.mark.faults, pytest.mark.timeout(1200)]

MODEL, FALLBACK = "qwen2-1-5b", "gemma-2-2b"
LABEL = f"app.kubernetes.io/instance={MODEL}"
MODELS = "app.kubernetes.io/component=model-service"
GATEWAY = "app.kubernetes.io/component=gateway"

FIRST_BYTE_SECONDS = 20
ANSWER_SECONDS = 60
HUNG_SECONDS = 15
MEMORY_BYTES = 6 * 2**30
"""What the stack lets a model's container have."""


@pytest.fixture(scope="module")
def impatient(stack: Paths, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """The stack with timeouts that a test can wait for."""
    written = yaml.safe_load((CHECKOUT / "stacks" / "Pulumi.local.yaml").read_text())
    changed = json.loads(json.dumps(written))  # two models share their probes by an anchor
    config = changed["config"]
    timeouts = {"firstByteSeconds": FIRST_BYTE_SECONDS, "answerSeconds": ANSWER_SECONDS, "idleSeconds": 30}
    config["modelyard:routes"][0]["timeouts"] = timeouts
    config["modelyard:models"][0]["probes"]["hungSeconds"] = HUNG_SECONDS
    file = tmp_path_factory.mktemp("impatient") / "Pulumi.local.yaml"
    file.write_text(yaml.safe_dump(changed))
    pulumi_command.up(stack, [f"--config-file={file}", "--non-interactive"])
    await_rollout(stack, MODEL)
    with openai.OpenAI(base_url=local_settings().gateway.base_url, api_key="none", max_retries=0) as asking:
        await_models(asking, [MODEL, FALLBACK])
    return stack


@pytest.fixture
def load(impatient: Paths) -> Iterator[Load]:
    """Two clients that ask the model all the while."""
    with Load(MODEL).running(clients=1) as running:
        wait_for(lambda: running.served(MODEL), "answers before anything fails", seconds=120)
        yield running


def await_more(load: Load, by: str = MODEL, *, seconds: float = 300) -> None:
    """Wait for further answers of a model, plain and streamed."""
    counts = max(load.answered[by, stream] for stream in (False, True))
    wait_for(lambda: load.served(by, more_than=counts + 1), f"further answers of {by}", seconds=seconds)


def test_clients_notice_nothing_of_a_lost_control_plane(impatient: Paths, load: Load) -> None:
    node, before = find_node(impatient), identity(impatient, MODELS)
    assert node is not None
    for program in programs(impatient):
        process = node.running(program.name)
        assert process is not None, program.name
        process.kill()
    await_more(load)
    assert load.lost == load.refused == []

    cluster.up(impatient, lambda line: None)
    await_more(load)

    # What comes back may call the pods of its only node not ready until it has heard of them, and a name without
    # pods has no addresses: then requests are refused, and told to come again.
    assert load.lost == []
    assert identity(impatient, MODELS) == before


def test_clients_notice_nothing_of_a_lost_dns(impatient: Paths, load: Load) -> None:
    scale = ("scale", "deployment/coredns", "--namespace=kube-system")
    kubectl(impatient, *scale, "--replicas=0")
    try:
        wait_for(lambda: _pods(impatient, "k8s-app=kube-dns") == [] or None, "DNS to be gone", seconds=60)
        time.sleep(5)  # longer than any record holds, so nothing that was known is known by its time alone
        await_more(load)
    finally:
        kubectl(impatient, *scale, "--replicas=1")

    assert load.lost == load.refused == []


def test_a_lost_gateway_pod_is_replaced(impatient: Paths, load: Load) -> None:
    before = identity(impatient, GATEWAY)
    kubectl(impatient, "delete", "pod", f"--selector={GATEWAY}", "--force", "--grace-period=0")
    await_more(load)

    # There is one gateway pod in this stack: what it was carrying breaks off, or the client gives up on it, for a pod
    # that goes by force says no farewell; and connections are refused for a while.
    assert load.refused == []
    assert load.slowest_seconds < CLIENT_SECONDS + 5
    assert {uid for uid, _ in identity(impatient, GATEWAY)}.isdisjoint(uid for uid, _ in before)


def test_a_node_that_is_not_ready_comes_back_with_all_on_it(impatient: Paths, load: Load) -> None:
    node, before = find_node(impatient), identity(impatient, MODELS)
    assert node is not None
    kubelet = node.running("kubelet")
    assert kubelet is not None
    kubelet.kill()
    wait_for(lambda: _node_ready(impatient) != "True" or None, "the node not to be ready", seconds=120)
    time.sleep(5)  # the time in which endpoints are taken away

    cluster.up(impatient, lambda line: None)
    await_more(load)

    assert identity(impatient, MODELS) == before
    assert load.slowest_seconds < ANSWER_SECONDS


def test_an_engine_that_hangs_is_answered_for_and_restarted(impatient: Paths, client: openai.OpenAI) -> None:
    restarts = _restarts(impatient)
    _to_engine(impatient, "STOP")
    with Load(MODEL).running(clients=1) as load:
        wait_for(lambda: load.served(FALLBACK), "the fallback to answer", seconds=180)
        wait_for(lambda: _restarts(impatient) > restarts or None, "the model's restart", seconds=240)
        await_more(load, seconds=600)

    assert load.refused == []
    # A stream whose first bytes had come when the container ended breaks off.
    assert len(load.lost) <= 2, load.lost
    assert load.slowest_seconds < FIRST_BYTE_SECONDS + ANSWER_SECONDS


def test_an_engine_that_takes_all_memory_is_answered_for_and_says_so(impatient: Paths, client: openai.OpenAI) -> None:
    await_models(client, [MODEL])
    restarts = _restarts(impatient)
    with Load(MODEL).running(clients=1) as load:
        kubectl(impatient, "exec", f"{MODEL}-0", "--", "sh", "-c", TAKE_MEMORY)
        wait_for(lambda: _restarts(impatient) > restarts or None, "the model's restart", seconds=120)
        wait_for(lambda: load.served(FALLBACK), "the fallback to answer", seconds=120)
        await_more(load, seconds=600)

    status = pod(impatient, f"{MODEL}-0")["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert "memory" in status.get("message", "") or status["reason"] == "OOMKilled", status
    assert load.refused == []
    assert len(load.lost) <= 2, load.lost


def test_without_any_model_every_request_is_refused_in_openais_form(impatient: Paths, client: openai.OpenAI) -> None:
    await_models(client, [MODEL, FALLBACK])
    sets = (f"statefulset/{MODEL}", f"statefulset/{FALLBACK}")
    try:
        kubectl(impatient, "scale", *sets, "--replicas=0")
        wait_for(lambda: _pods(impatient, MODELS) == [] or None, "the models to be gone", seconds=120)
        with Load(MODEL).running(clients=1) as load:
            wait_for(lambda: len(load.refused) > 20 or None, "refusals", seconds=60)
        assert load.lost == []
        assert load.slowest_seconds < FIRST_BYTE_SECONDS
    finally:
        kubectl(impatient, "scale", *sets, "--replicas=1")
    await_models(client, [MODEL, FALLBACK])


TO_ENGINE = 'for p in /proc/[0-9]*; do grep -qs "^VLLM::EngineCor" $p/comm && kill -{signal} ${{p#/proc/}}; done; true'

TAKE_MEMORY = f"""
for p in /proc/[0-9]*; do grep -qs "^VLLM::EngineCor" $p/comm && echo 1000 >$p/oom_score_adj; done
for i in 1 2 3 4 5 6 7 8; do (head --bytes={MEMORY_BYTES // 9} /dev/zero | tail >/dev/null 2>&1 &); done
"""
"""Fills the container's memory from beside the engine, which the kernel is told to end first.

By several processes, for it looks at their sizes, too."""


def _to_engine(paths: Paths, signal: str) -> None:
    kubectl(paths, "exec", f"{MODEL}-0", "--", "sh", "-c", TO_ENGINE.format(signal=signal))


def _restarts(paths: Paths) -> int:
    return int(pod(paths, f"{MODEL}-0")["status"]["containerStatuses"][0]["restartCount"])


def _pods(paths: Paths, selector: str) -> list[str] | None:
    found = get(paths, "pods", "--all-namespaces", f"--selector={selector}")
    return None if found is None else [item["metadata"]["name"] for item in found["items"]]


def _node_ready(paths: Paths) -> str:
    conditions = (get(paths, "node", NODE_NAME) or {}).get("status", {}).get("conditions", [])
    return next((str(condition["status"]) for condition in conditions if condition["type"] == "Ready"), "True")
