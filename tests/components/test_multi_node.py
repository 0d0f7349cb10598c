"""Models whose replicas span nodes: the operator, the model's objects, and how they wait for each other."""

from typing import Any

import pytest

from components.model_service import exchange
from components.platform import Platform
from tests.components.conftest import Program, Run
from tests.components.stacks import stack

POOL = {"name": "gpu", "gpusPerNode": 8, "maxNodes": 4}
BIG: dict[str, Any] = {"name": "big", "source": "file:///models/big", "pool": "gpu", "gpus": 16}
SMALL: dict[str, Any] = {"name": "small", "source": "file:///models/small", "pool": "gpu"}
LLMAZ: dict[str, Any] = {"name": "other", "source": "hf://example/other", "pool": "gpu", "backend": "llmaz"}


def deploy(run: Run, *models: dict[str, Any], **changes: Any) -> Program:
    settings = stack(models=list(models), pools=[POOL], **changes)
    return run(lambda: Platform("platform", settings))


def children(program: Program, parent: str) -> dict[str, str]:
    return {found.name: found.token for found in program.resources if found.parent == parent}


def test_the_operator_is_made_once(run: Run) -> None:
    program = deploy(run, BIG, {**BIG, "name": "bigger"})
    assert children(program, "platform-lws") == {
        "platform-lws-namespace": "kubernetes:core/v1:Namespace",
        "platform-lws-release": "kubernetes:helm.sh/v3:Release",
        "platform-lws-webhook-probe": "kubernetes:apps/v1:DeploymentPatch",
    }
    release = program.named("platform-lws-release")
    assert {key: release.inputs[key] for key in ("name", "namespace", "chart", "version")} == {
        "name": "lws",
        "namespace": "lws-system",
        "chart": "oci://registry.k8s.io/lws/charts/lws",
        "version": "0.9.0",
    }
    assert program.named("platform-lws-webhook-probe").dependencies == {"platform-lws-release"}


def test_only_models_that_span_nodes_wait_for_it(run: Run) -> None:
    program = deploy(run, BIG, SMALL)
    assert "platform-lws-webhook-probe" in program.named("platform-big").dependencies
    assert not [name for name in program.named("platform-small").dependencies if name.startswith("platform-lws")]


def test_where_llmaz_brings_it_they_wait_for_llmaz(run: Run) -> None:
    program = deploy(run, BIG, LLMAZ)
    assert not children(program, "platform-lws")
    assert "platform-llmaz-webhook-probe" in program.named("platform-big").dependencies


def test_where_llmaz_does_not_bring_it_llmaz_waits(run: Run) -> None:
    program = deploy(run, BIG, LLMAZ, llmaz={"leaderWorkerSet": False})
    assert "platform-lws-webhook-probe" in program.named("platform-llmaz").dependencies
    assert "platform-lws-webhook-probe" in program.named("platform-big").dependencies


def test_a_set_and_what_is_in_front_of_it(run: Run) -> None:
    program = deploy(run, {**BIG, "replicas": 2})
    assert children(program, "platform-big") == {
        "platform-big-replicas": exchange.LEADER_WORKER_SET,
        "platform-big-service": "kubernetes:core/v1:Service",
        "platform-big-lb-service": "kubernetes:core/v1:Service",
        "platform-big-budget": "kubernetes:policy/v1:PodDisruptionBudget",
    }
    replicas = program.named("platform-big-replicas").inputs
    assert (replicas["apiVersion"], replicas["kind"]) == ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet")
    for name in ("platform-big-service", "platform-big-lb-service"):
        selector = program.named(name).inputs["spec"]["selector"]
        assert selector["leaderworkerset.sigs.k8s.io/worker-index"] == "0"
    # Of a replica of which one pod goes, all go, so workers count, too.
    budget = program.named("platform-big-budget").inputs["spec"]["selector"]["matchLabels"]
    assert "leaderworkerset.sigs.k8s.io/worker-index" not in budget


def test_an_autoscaler_scales_whole_replicas(run: Run) -> None:
    program = deploy(run, {**BIG, "autoscaling": {"maxReplicas": 2}})
    target = program.named("platform-big-autoscaler").inputs["spec"]["scaleTargetRef"]
    assert target["kind"] == "LeaderWorkerSet"
    assert list(program.named("platform-big-replicas").request.ignoreChanges) == ["spec.replicas"]


@pytest.mark.parametrize("gpus", [8, 16])
def test_from_one_node_to_several_and_back_is_one_update(run: Run, gpus: int) -> None:
    replicas = deploy(run, {**BIG, "gpus": gpus}).named("platform-big-replicas")
    kinds = {exchange.STATEFUL_SET, exchange.LEADER_WORKER_SET}
    assert replicas.token in kinds
    assert kinds - {replicas.token} <= {alias.spec.type for alias in replicas.request.aliases}
    assert list(replicas.request.replaceOnChanges) == ["kind"]
    assert replicas.request.deleteBeforeReplace


def test_what_a_model_service_gives_is_the_same(run: Run) -> None:
    given = [deploy(run, {**BIG, "gpus": gpus}).outputs["platform-big"] for gpus in (8, 16)]
    assert given[0] == given[1]
