"""Models on llmaz: the operator, the models' objects, and how they wait for each other."""

from typing import Any

import pytest

from components.model_service import exchange
from components.platform import Platform
from tests.components.conftest import Program, Registered, Run
from tests.components.stacks import QWEN, stack

LLMAZ: dict[str, Any] = {**QWEN, "backend": "llmaz"}
PLAYGROUND: dict[str, Any] = {**LLMAZ, "probes": {"drainSeconds": 100}}
GEMMA: dict[str, Any] = {"name": "gemma", "source": "hf://google/gemma-2-2b-it", "pool": "gpu"}
OPEN_POOL = {"name": "gpu", "gpusPerNode": 2, "tolerations": []}
OPERATOR = {"platform-llmaz-namespace", "platform-llmaz-release", "platform-llmaz-webhook-probe"}


def deploy(run: Run, *models: dict[str, Any], **changes: Any) -> Program:
    settings = stack(models=list(models), pools=[OPEN_POOL], **changes)
    return run(lambda: Platform("platform", settings))


def children(program: Program, parent: str) -> dict[str, str]:
    return {found.name: found.token for found in program.resources if found.parent == parent}


def aliases(resource: Registered) -> set[str]:
    return {alias.spec.type for alias in resource.request.aliases}


def test_the_operator_is_made_once(run: Run) -> None:
    program = deploy(run, PLAYGROUND, {**GEMMA, "backend": "llmaz"})
    assert set(children(program, "platform-llmaz")) == OPERATOR
    release = program.named("platform-llmaz-release")
    assert release.token == "kubernetes:helm.sh/v3:Release"
    assert {key: release.inputs[key] for key in ("name", "namespace", "chart", "version")} == {
        "name": "llmaz",
        "namespace": "llmaz-system",
        "chart": "oci://registry-1.docker.io/inftyai/llmaz",
        "version": "0.0.10",
    }
    assert "repositoryOpts" not in release.inputs
    assert release.inputs["values"]["open-webui"] == {"enabled": False}


def test_a_chart_of_a_repository(run: Run) -> None:
    chart = {"source": "https://charts.example"}
    release = deploy(run, PLAYGROUND, llmaz={"chart": chart}).named("platform-llmaz-release")
    assert (release.inputs["chart"], release.inputs["repositoryOpts"]) == ("llmaz", {"repo": "https://charts.example"})


def test_without_a_model_on_it_there_is_no_operator(run: Run) -> None:
    program = deploy(run, {**PLAYGROUND, "backend": "native"})
    assert not children(program, "platform-llmaz")
    assert not program.of("kubernetes:helm.sh/v3:Release")


def test_a_playground_and_what_it_is_made_of(run: Run) -> None:
    assert children(deploy(run, PLAYGROUND), "platform-qwen") == {
        "platform-qwen-service": "kubernetes:core/v1:Service",
        "platform-qwen-lb-service": "kubernetes:core/v1:Service",
        "platform-qwen-openmodel": "kubernetes:llmaz.io/v1alpha1:OpenModel",
        "platform-qwen-runtime": "kubernetes:inference.llmaz.io/v1alpha1:BackendRuntime",
        "platform-qwen-replicas": exchange.PLAYGROUND,
    }


def test_an_inference_service_has_no_runtime(run: Run) -> None:
    assert children(deploy(run, LLMAZ), "platform-qwen") == {
        "platform-qwen-service": "kubernetes:core/v1:Service",
        "platform-qwen-lb-service": "kubernetes:core/v1:Service",
        "platform-qwen-openmodel": "kubernetes:llmaz.io/v1alpha1:OpenModel",
        "platform-qwen-replicas": exchange.INFERENCE_SERVICE,
    }


def test_replicas_are_guarded_and_scaled(run: Run) -> None:
    program = deploy(run, {**PLAYGROUND, "autoscaling": {"maxReplicas": 3}})
    assert {"platform-qwen-budget", "platform-qwen-autoscaler"} <= set(children(program, "platform-qwen"))
    assert list(program.named("platform-qwen-replicas").request.ignoreChanges) == ["spec.replicas"]


def test_objects_wait_for_the_webhooks_and_replicas_for_their_services(run: Run) -> None:
    program = deploy(run, PLAYGROUND)
    # What is in a component waits until the component is registered, and goes before it.
    assert "platform-llmaz-webhook-probe" in program.named("platform-qwen").dependencies
    assert program.named("platform-llmaz-webhook-probe").dependencies == {"platform-llmaz-release"}
    assert {
        "platform-qwen-service",
        "platform-qwen-lb-service",
        "platform-qwen-openmodel",
        "platform-qwen-runtime",
    } <= program.named("platform-qwen-replicas").dependencies


def test_a_native_model_waits_for_no_operator(run: Run) -> None:
    program = deploy(run, PLAYGROUND, GEMMA)
    waited = {name for found in program.resources if found.parent == "platform-gemma" for name in found.dependencies}
    assert not OPERATOR & waited


def test_pulumi_waits_as_long_as_the_model_may_take(run: Run) -> None:
    timeouts = deploy(run, PLAYGROUND).named("platform-qwen-replicas").request.customTimeouts
    assert (timeouts.create, timeouts.update, timeouts.delete) == ("890s", "890s", "890s")


@pytest.mark.parametrize("model", [PLAYGROUND, LLMAZ, {**LLMAZ, "backend": "native"}], ids=["pl", "isvc", "native"])
def test_a_change_of_what_runs_the_replicas_deletes_the_old_one_first(run: Run, model: dict[str, Any]) -> None:
    program = deploy(run, model)
    replicas = program.named("platform-qwen-replicas")
    kinds = {exchange.STATEFUL_SET, exchange.PLAYGROUND, exchange.INFERENCE_SERVICE}
    assert aliases(replicas) & kinds == kinds - {replicas.token}
    assert list(replicas.request.replaceOnChanges) == ["kind"]
    assert replicas.request.deleteBeforeReplace
    service = program.named("platform-qwen")
    assert aliases(service) == {exchange.NATIVE, exchange.LLMAZ} - {service.token}


def test_what_a_model_service_gives_is_the_same(run: Run) -> None:
    given = [deploy(run, {**LLMAZ, "backend": backend}).outputs["platform-qwen"] for backend in ("native", "llmaz")]
    assert given[0] == given[1]
    assert given[0]["baseUrl"] == "http://qwen-lb.default.svc.cluster.local:8080/v1"
