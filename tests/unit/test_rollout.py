"""How a changed model takes the place of the old one."""

from typing import Any

import pytest
import yaml

from components.manifests import workload
from stacks.settings import ServingSettings, StackSettings, load
from stacks.warnings.capacity import interruptions
from tests.unit.test_workload import PLACEMENT, SERVING, model

PROBES = {"startupSeconds": 600, "drainSeconds": 70}


def replicas(**changes: Any) -> dict[str, Any]:
    return workload.replicas(model(probes=PROBES, **changes), PLACEMENT, SERVING, "default")


def test_a_surge_is_a_deployment() -> None:
    found = replicas(rollout={"strategy": "surge", "maxSurge": 2, "minReadySeconds": 15}, replicas=3)
    in_place = replicas(replicas=3)
    assert found["spec"].pop("template") == in_place["spec"]["template"]
    assert found == yaml.safe_load("""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: qwen2-1-5b
  namespace: default
  labels:
    app.kubernetes.io/name: vllm
    app.kubernetes.io/instance: qwen2-1-5b
    app.kubernetes.io/component: model-service
    app.kubernetes.io/part-of: modelyard
    app.kubernetes.io/managed-by: pulumi
  annotations: {pulumi.com/patchForce: "true"}
spec:
  replicas: 3
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 2, maxUnavailable: 0}
  minReadySeconds: 15
  progressDeadlineSeconds: 1015
  selector:
    matchLabels:
      app.kubernetes.io/name: vllm
      app.kubernetes.io/instance: qwen2-1-5b
""")


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, None),
        ({"replicas": 2}, 40),
        ({"replicas": 2, "rollout": {"minReadySeconds": 5}}, 5),
        ({"autoscaling": {"maxReplicas": 2}}, 40),
    ],
)
def test_gateways_learn_of_a_replica_before_the_next_one_stops(changes: dict[str, Any], seconds: int | None) -> None:
    assert replicas(**changes)["spec"].get("minReadySeconds") == seconds


@pytest.mark.parametrize("strategy", ["in_place", "surge"])
def test_the_number_of_replicas_is_left_to_an_autoscaler(strategy: str) -> None:
    assert "replicas" not in replicas(autoscaling={"maxReplicas": 4}, rollout={"strategy": strategy})["spec"]


@pytest.mark.parametrize("strategy", ["in_place", "surge"])
def test_nobody_waits_for_a_model_that_may_have_no_replica(strategy: str) -> None:
    scaling = {"kind": "keda", "minReplicas": 0, "maxReplicas": 1}
    annotations = replicas(autoscaling=scaling, rollout={"strategy": strategy})["metadata"]["annotations"]
    assert annotations == {"pulumi.com/waitFor": "jsonpath={.metadata.uid}"}
    assert "annotations" not in replicas(autoscaling={"maxReplicas": 2}, rollout={"strategy": strategy})["metadata"]


@pytest.mark.parametrize("strategy", ["in_place", "surge"])
def test_a_number_is_taken_from_an_autoscaler_that_is_gone(strategy: str) -> None:
    found = replicas(replicas=2, rollout={"strategy": strategy})
    assert found["metadata"]["annotations"] == {"pulumi.com/patchForce": "true"}


@pytest.mark.parametrize(
    ("scale", "number"),
    [({}, 1), ({"replicas": 0}, 1), ({"replicas": 3}, 3), ({"autoscaling": {"maxReplicas": 4}}, 4)],
)
def test_a_rollout_may_take_every_replica_its_stop_and_its_start(scale: dict[str, Any], number: int) -> None:
    assert workload.rollout_seconds(model(probes=PROBES, **scale)) == number * (300 + 600 + 40 + 100)


def stack(*models: dict[str, Any], routes: list[dict[str, Any]] | None = None, **pool: Any) -> StackSettings:
    spelled = [{"source": "hf://a/b", "pool": "gpu", **each} for each in models]
    return load({"pools": [{"name": "gpu", **pool}], "models": spelled, "routes": routes or []})


def test_models_that_an_update_interrupts_are_named() -> None:
    assert interruptions(stack({"name": "qwen"}, {"name": "gemma"}, gpusPerNode=2)) == [
        "modelyard:models: 'qwen' and 'gemma' on pool 'gpu': one replica, replaced in place, and a route with no "
        "fallback, so every update of the model interrupts it for a whole start: add a fallback to the route, or write "
        "replicas: 2"
    ]


def test_a_pool_with_room_has_a_further_way() -> None:
    (sentence,) = interruptions(stack({"name": "qwen"}, gpusPerNode=2))
    assert sentence.endswith("replicas: 2, or rollout.strategy: surge, for which pool 'gpu' has room beside them")


def test_many_models_are_counted() -> None:
    models = [{"name": name} for name in ("a", "b", "c", "d", "e")]
    (sentence,) = interruptions(stack(*models, gpusPerNode=5))
    assert sentence.startswith("modelyard:models: 'a' and 'b' and 'c' and 2 more on pool 'gpu'")


@pytest.mark.parametrize(
    "changes",
    [
        {"replicas": 2},
        {"replicas": 0},
        {"rollout": {"strategy": "surge"}},
        {"autoscaling": {"minReplicas": 2, "maxReplicas": 3}},
    ],
)
def test_a_model_that_goes_on_answering_is_not_named(changes: dict[str, Any]) -> None:
    assert interruptions(stack({"name": "qwen", **changes}, gpusPerNode=4)) == []


def test_a_model_with_a_fallback_is_not_named() -> None:
    routes = [{"model": "qwen", "fallback": ["gemma"]}]
    assert interruptions(stack({"name": "qwen"}, {"name": "gemma", "replicas": 2}, routes=routes)) == []


@pytest.mark.parametrize(("production", "sentences"), [(False, 0), (True, 1)])
def test_a_last_resort_of_others_is_named_in_production_only(production: bool, sentences: int) -> None:
    source = {"source": "pvc://weights/model"}
    settings = load(
        {
            "production": production,
            "serving": {"image": "registry.example.com/vllm:v0.32.0"},
            "pools": [{"name": "gpu", "gpusPerNode": 2, "nodeSelector": {"pool": "gpu"}}],
            "models": [{"name": name, "pool": "gpu", **source} for name in ("qwen", "gemma")],
            "routes": [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}],
        }
    )
    found = interruptions(settings)
    assert len(found) == sentences
    assert all(sentence.startswith("modelyard:models: 'gemma' on pool 'gpu': one replica") for sentence in found)


def test_a_model_on_llmaz_knows_no_surge() -> None:
    (sentence,) = interruptions(stack({"name": "qwen", "backend": "llmaz"}, gpusPerNode=2))
    assert "surge" not in sentence


def test_further_labels_and_annotations_reach_the_pods_only() -> None:
    serving = ServingSettings.model_validate(
        {"podLabels": {"example.com/team": "search"}, "podAnnotations": {"prometheus.io/scrape": "false", "note": "x"}}
    )
    found = workload.replicas(model(), PLACEMENT, serving, "default")
    pod = found["spec"]["template"]["metadata"]
    assert pod["labels"] == {**found["metadata"]["labels"], "example.com/team": "search"}
    assert pod["annotations"]["prometheus.io/scrape"] == "false"
    assert pod["annotations"]["note"] == "x"
    assert "example.com/team" not in found["spec"]["selector"]["matchLabels"]
