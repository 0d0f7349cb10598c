"""What scales a model, and what becomes of it when that, or the rollout, changes."""

from typing import Any

import pytest

from components.platform import Platform
from tests.components.conftest import Program, Registered, Run
from tests.components.stacks import GEMMA, QWEN, stack

PROMETHEUS = {"url": "http://prometheus:9090"}
KEDA = {"kind": "keda", "maxReplicas": 2}
COLD = {"kind": "keda", "minReplicas": 0, "maxReplicas": 1}
ROUTES = [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma", "fallback": ["phi"]}]
PHI = {**GEMMA, "name": "phi"}


def deploy(run: Run, *, gateway: dict[str, Any] | None = None, **qwen: Any) -> Program:
    settings = stack(
        models=[{**QWEN, **qwen}, GEMMA, PHI],
        routes=ROUTES,
        pools=[{"name": "gpu", "gpusPerNode": 8, "nodeSelector": {"pool": "gpu"}}],
        prometheus=PROMETHEUS,
        gateway=gateway or {},
    )
    return run(lambda: Platform("platform", settings))


def aliases(resource: Registered) -> set[str]:
    return {alias.spec.type for alias in resource.request.aliases}


def test_keda_asks_the_stacks_prometheus(run: Run) -> None:
    scaler = deploy(run, autoscaling=KEDA).named("platform-qwen-autoscaler")
    assert scaler.token == "kubernetes:keda.sh/v1alpha1:ScaledObject"
    assert scaler.parent == "platform-qwen"
    assert scaler.inputs["spec"]["scaleTargetRef"]["kind"] == "StatefulSet"
    assert {trigger["metadata"]["serverAddress"] for trigger in scaler.inputs["spec"]["triggers"]} == {
        "http://prometheus:9090"
    }


@pytest.mark.parametrize(
    ("gateway", "series"),
    [
        ({"kind": "envoy"}, 'none_healthy{namespace="default",envoy_cluster_name="qwen"}'),
        ({"kind": "higress"}, 'none_healthy{namespace="higress-system",cluster_name=~"outbound[|]8080[|][|]llm-qwen'),
    ],
)
def test_what_the_gateway_could_not_answer_wakes_a_model(run: Run, gateway: dict[str, Any], series: str) -> None:
    program = deploy(run, autoscaling=COLD, gateway=gateway)
    triggers = program.named("platform-qwen-autoscaler").inputs["spec"]["triggers"]
    (wake,) = [trigger for trigger in triggers if trigger["name"] == "wake"]
    assert series in wake["metadata"]["query"]


def test_nobody_waits_for_a_model_that_may_have_no_replica_and_its_number_is_left_alone(run: Run) -> None:
    replicas = deploy(run, autoscaling=COLD).named("platform-qwen-replicas")
    assert replicas.inputs["metadata"]["annotations"] == {"pulumi.com/waitFor": "jsonpath={.metadata.uid}"}
    assert "replicas" not in replicas.inputs["spec"]
    assert list(replicas.request.ignoreChanges) == ["spec.replicas"]


@pytest.mark.parametrize("scaling", [{"maxReplicas": 2}, KEDA], ids=["hpa", "keda"])
def test_one_scaler_goes_before_another_comes(run: Run, scaling: dict[str, Any]) -> None:
    scaler = deploy(run, autoscaling=scaling).named("platform-qwen-autoscaler")
    kinds = {
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
        "kubernetes:keda.sh/v1alpha1:ScaledObject",
    }
    assert aliases(scaler) >= kinds - {scaler.token}
    assert list(scaler.request.replaceOnChanges) == ["kind"]
    assert scaler.request.deleteBeforeReplace


@pytest.mark.parametrize("strategy", ["in_place", "surge"])
def test_a_model_changes_its_rollout_in_one_update(run: Run, strategy: str) -> None:
    replicas = deploy(run, rollout={"strategy": strategy}).named("platform-qwen-replicas")
    kinds = {"kubernetes:apps/v1:StatefulSet", "kubernetes:apps/v1:Deployment"}
    assert replicas.token == f"kubernetes:apps/v1:{'Deployment' if strategy == 'surge' else 'StatefulSet'}"
    assert aliases(replicas) >= kinds - {replicas.token}
    assert list(replicas.request.replaceOnChanges) == ["kind"]
    assert replicas.request.deleteBeforeReplace


def test_models_that_an_update_interrupts_bring_a_warning(run: Run) -> None:
    settings = stack(models=[QWEN, GEMMA], routes=ROUTES[:1])
    assert not [message for message in run(lambda: Platform("platform", settings)).messages if "interrupts" in message]
    alone = stack(models=[QWEN, GEMMA], routes=[{"model": "qwen"}])
    (warning,) = [message for message in run(lambda: Platform("platform", alone)).messages if "every update" in message]
    assert warning.startswith("modelyard:models: 'qwen' on pool 'gpu'")
