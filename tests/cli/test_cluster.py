"""status, models, logs and open, against a played cluster."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from stacks import automation, stack_file
from stacks.automation import running
from stacks.cli.exits import ExitCode
from stacks.cli.stack import Stack
from tests.cli.conftest import Cluster, Stacks, condition, container, event, gateway_pod, pod, run

NOWHERE = [condition("PodScheduled", False, "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")]
RUNS = [condition("PodScheduled", True), condition("Ready", False)]


def test_a_stack_that_is_ready(mine: Stacks, cluster: Cluster) -> None:
    cluster.has("pods", pod("qwen-0"), pod("gemma-0", "gemma"), pod("gemma-1", "gemma"), gateway_pod())
    shown = run("status")
    assert shown.exit_code == ExitCode.OK
    assert shown.stdout == (
        "NAME     READY  RESTARTS  STATE\n"
        "qwen     1/1    0         ready\n"
        "gemma    2/2    0         ready\n"
        "gateway  1/1    0         ready\n"
    )
    # Nothing is asked that a stack which is ready makes no use of.
    assert cluster.asked == [["get", "pods", "--namespace=default", "--output=json"]]


def test_the_replica_that_is_furthest_behind_says_what_a_model_does(mine: Stacks, cluster: Cluster) -> None:
    loading = pod("gemma-1", "gemma", conditions=RUNS, containerStatuses=[container({"running": {}}, restarts=2)])
    waits = pod("qwen-0", phase="Pending", conditions=NOWHERE, containerStatuses=[])
    cluster.has("pods", waits, pod("gemma-0", "gemma"), loading, gateway_pod())
    cluster.has("events", event("gemma-1", "Started"))
    cluster.says(["logs", "gemma-1", "--tail=60"], "Starting to load model gemma...\n")
    shown = run("status")
    assert shown.exit_code == ExitCode.FAILED
    assert shown.stdout == (
        "NAME     READY  RESTARTS  STATE\n"
        "qwen     0/1    0         waiting for a node: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.\n"
        "gemma    1/2    2         loading weights\n"
        "gateway  1/1    0         ready\n"
    )


def test_a_stack_that_is_not_there(mine: Stacks, cluster: Cluster) -> None:
    cluster.has("pods")
    shown = run("status")
    assert shown.exit_code == ExitCode.FAILED
    assert shown.stdout.count("no pods yet") == 3


def test_a_log_that_is_gone_hides_nothing_else(mine: Stacks, cluster: Cluster) -> None:
    starts = pod("qwen-0", conditions=RUNS, containerStatuses=[container({"running": {}})])
    cluster.has("pods", starts, gateway_pod())
    cluster.has("events")
    cluster.says(["logs", "qwen-0"], err="container is gone", code=1)
    assert "qwen     0/1    0         starting\n" in run("status").stdout


def test_workers_of_a_replica_on_several_nodes_are_no_replicas(stacks: Stacks, cluster: Cluster) -> None:
    model = {"name": "qwen", "source": "hf://Qwen/Qwen3-8B", "pool": "gpu", "gpus": 4}
    stacks.write(models=[model], pools=[{"name": "gpu", "gpusPerNode": 2, "maxNodes": 2}], routes=[])
    leader, worker = pod("qwen-0"), pod("qwen-0-1")
    leader["metadata"]["labels"]["leaderworkerset.sigs.k8s.io/worker-index"] = "0"
    worker["metadata"]["labels"]["leaderworkerset.sigs.k8s.io/worker-index"] = "1"
    cluster.has("pods", leader, worker, gateway_pod())
    assert "qwen     1/1" in run("status").stdout


def test_a_higress_gateway_is_in_a_namespace_of_its_own(stacks: Stacks, cluster: Cluster) -> None:
    stacks.write(gateway={"kind": "higress", "replicas": 1}, models=[], routes=[])
    made = pod("higress-gateway-1")
    made["metadata"]["labels"] = {"app": "higress-gateway"}
    cluster.has("pods", made, namespace="higress-system")
    shown = json.loads(run("status", "--json").stdout)
    assert (shown["ready"], shown["gateway"]["kind"], shown["base_url"]) == (True, "higress", None)


def test_status_for_programs(mine: Stacks, cluster: Cluster) -> None:
    cluster.has("pods", pod("qwen-0"), gateway_pod())
    shown = run("status", "--json")
    assert shown.exit_code == ExitCode.FAILED
    ready: dict[str, Any] = {"stage": "ready", "detail": "", "node": "node-1", "worker": False, "restarts": 0}
    assert json.loads(shown.stdout) == {
        "stack": "mine",
        "ready": False,
        "base_url": "http://llm.example.com/v1",
        "gateway": {
            "kind": "envoy",
            "name": "gateway",
            "ready": 1,
            "wanted": 1,
            "pods": [{"name": "gateway-1", **ready}],
            "is_ready": True,
            "doing": "ready",
        },
        "models": [
            {
                "name": "qwen",
                "ready": 1,
                "wanted": 1,
                "pods": [{"name": "qwen-0", **ready}],
                "is_ready": True,
                "doing": "ready",
            },
            {"name": "gemma", "ready": 0, "wanted": 2, "pods": [], "is_ready": False, "doing": "no pods yet"},
        ],
    }


def test_models(mine: Stacks) -> None:
    shown = run("models")
    assert shown.exit_code == ExitCode.OK
    assert shown.stdout == (
        "MODEL  SOURCE                           POOL  GPUS  REPLICAS  ASKED FOR AS  STANDS IN\n"
        "qwen   hf://Qwen/Qwen2.5-1.5B-Instruct  gpu   1     1         qwen          -\n"
        "gemma  pvc://weights/gemma              gpu   1     2         gemma         qwen (1.)\n"
    )


def test_models_for_programs(stacks: Stacks) -> None:
    stacks.write(
        routes=[
            {"model": "chat", "upstreams": [{"model": "qwen", "weight": 90}, {"model": "gemma", "weight": 10}]},
            {"model": "qwen", "fallback": ["gemma"]},
        ]
    )
    first, second = json.loads(run("models", "--json").stdout)["models"]
    assert first == {
        "name": "qwen",
        "source": "hf://Qwen/Qwen2.5-1.5B-Instruct",
        "revision": None,
        "backend": "native",
        "pool": "gpu",
        "gpus": 1,
        "replicas": {"min": 1, "max": 1, "autoscaled": False},
        "adapters": [],
        "routes": [
            {"model": "chat", "weight": 90, "fallback_place": None},
            {"model": "qwen", "weight": 100, "fallback_place": None},
        ],
    }
    assert second["routes"] == [
        {"model": "chat", "weight": 10, "fallback_place": None},
        {"model": "qwen", "weight": None, "fallback_place": 1},
    ]


def test_logs_of_one_pod_are_its_own_lines(mine: Stacks, cluster: Cluster) -> None:
    cluster.has("pods", pod("qwen-0"))
    cluster.says(["logs", "qwen-0"], "one\ntwo\n")
    shown = run("logs", "qwen", "--tail", "2")
    assert shown.stdout == "one\ntwo\n"
    assert "--selector=app.kubernetes.io/name=vllm,app.kubernetes.io/instance=qwen" in cluster.asked[0]
    assert {"--container=vllm", "--tail=2"} <= set(cluster.asked[1])


@pytest.mark.parametrize("follow", [[], ["--follow"]])
def test_logs_of_several_pods_name_them(mine: Stacks, cluster: Cluster, follow: list[str]) -> None:
    cluster.has("pods", pod("gemma-1", "gemma"), pod("gemma-0", "gemma"))
    cluster.says(["logs", "gemma-0"], "a\n")
    cluster.says(["logs", "gemma-1"], "b\n")
    shown = run("logs", "gemma", *follow)
    assert shown.exit_code == ExitCode.OK
    assert sorted(shown.stdout.splitlines()) == ["gemma-0: a", "gemma-1: b"]


def test_logs_for_programs_are_a_document_a_line(mine: Stacks, cluster: Cluster) -> None:
    cluster.has("pods", gateway_pod())
    cluster.says(["logs", "gateway-1"], "one\ntwo\n")
    assert [json.loads(line) for line in run("logs", "gateway", "--json").stdout.splitlines()] == [
        {"pod": "gateway-1", "line": "one"},
        {"pod": "gateway-1", "line": "two"},
    ]


@pytest.mark.parametrize("follow", [[], ["--follow"]])
def test_logs_that_cannot_be_had(mine: Stacks, cluster: Cluster, follow: list[str]) -> None:
    cluster.has("pods", pod("gemma-0", "gemma"), pod("gemma-1", "gemma"))
    cluster.says(["logs"], err="error: You must be logged in to the server (Unauthorized)", code=1)
    assert run("logs", "gemma", *follow).exit_code == ExitCode.CREDENTIALS


def test_logs_of_a_model_that_there_is_not(mine: Stacks, cluster: Cluster) -> None:
    shown = run("logs", "qwne")
    assert shown.exit_code == ExitCode.NOT_FOUND
    assert shown.stderr == "'qwne' is no model of the stack 'mine'.\nWrite 'qwen' or 'gemma'.\n"
    cluster.has("pods")
    shown = run("logs", "qwen")
    assert shown.exit_code == ExitCode.NOT_FOUND
    assert "'qwen' has no pods in the namespace 'default'" in shown.stderr


def test_a_stack_without_the_page_that_is_wanted(stacks: Stacks, cluster: Cluster) -> None:
    stacks.write()
    shown = run("open", "console")
    assert shown.exit_code == ExitCode.NOT_FOUND
    assert "The stack 'mine' has no console of its own: its gateway is of kind 'envoy'." in shown.stderr
    assert "make dashboards" in run("open", "dashboards").stderr
    stacks.write(gateway={"kind": "higress"})
    shown = run("open", "dashboards")
    assert shown.exit_code == ExitCode.NOT_FOUND
    assert "dashboards: {enabled: true}" in shown.stderr


def test_a_console_with_a_domain_needs_no_way_through_the_cluster(stacks: Stacks, cluster: Cluster) -> None:
    console = {"domain": "console.example.com", "tlsSecretName": "console"}
    stacks.write(gateway={"kind": "higress", "console": console})
    shown = run("open", "console", "--json")
    assert shown.exit_code == ExitCode.OK
    assert json.loads(shown.stdout) == {
        "page": "console",
        "url": "https://console.example.com",
        "forwarded": False,
        "user": "admin",
    }
    assert cluster.asked == []


@pytest.fixture
def split(stacks: Stacks, monkeypatch: pytest.MonkeyPatch) -> Stacks:
    """A stack whose cluster no file says: Pulumi knows it."""
    stacks.write("known")
    known = stack_file.read_named("known")
    known = known.model_copy(
        update={"cluster": known.cluster.model_copy(update={"kubeconfig_contents": SecretStr("the real kubeconfig")})}
    )
    monkeypatch.setattr(running, "readable_settings", lambda stack, options: known)
    return stacks


REFERS: dict[str, Any] = {"stackReference": "org/infrastructure/prod"}
ENCRYPTED: dict[str, Any] = {"kubeconfigContents": {"secure": "v1:abc:def"}}


@pytest.mark.parametrize("said", [REFERS, ENCRYPTED])
def test_a_cluster_that_no_file_says_is_the_one_that_pulumi_knows(
    split: Stacks, cluster: Cluster, said: dict[str, Any]
) -> None:
    split.write(cluster=said)
    cluster.has("pods", pod("qwen-0"), pod("gemma-0", "gemma"), pod("gemma-1", "gemma"), gateway_pod())
    shown = run("status")
    assert shown.exit_code == ExitCode.OK, shown.output
    assert "gemma    2/2" in shown.stdout
    (kubeconfig,) = {
        word.removeprefix("--kubeconfig=")
        for word in Stack.named("mine").kubectl.command
        if word.startswith("--kubeconfig=")
    }
    assert Path(kubeconfig).read_text() == "the real kubeconfig"


def test_a_cluster_that_pulumi_cannot_say_either(
    split: Stacks, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(stack: str, options: automation.Options) -> Any:
        raise automation.PassphraseError("The secrets cannot be read.", "Set PULUMI_CONFIG_PASSPHRASE.")

    monkeypatch.setattr(running, "readable_settings", refused)
    split.write(cluster=ENCRYPTED)
    shown = run("status")
    assert shown.exit_code == ExitCode.CREDENTIALS
    assert shown.stderr == (
        "Pulumi alone can decrypt modelyard:cluster.kubeconfigContents, and it cannot be asked: The secrets cannot be "
        "read.\nSet PULUMI_CONFIG_PASSPHRASE.\n"
    )
    assert cluster.asked == []


def test_models_need_no_kubeconfig(split: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "readable_settings", lambda *_: pytest.fail("Pulumi was asked"))
    split.write(cluster=ENCRYPTED)
    assert "gemma" in run("models").stdout
