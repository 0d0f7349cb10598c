"""Pools with flavors on llmaz."""

from typing import Any

from components.manifests.llmaz import model as manifests
from components.manifests.placement import Flavor, Placement
from stacks.settings import ModelSettings, ServingSettings

MODEL = ModelSettings.model_validate(
    {
        "name": "qwen",
        "source": "hf://Qwen/Qwen2.5-1.5B-Instruct",
        "pool": "gpu",
        "backend": "llmaz",
        "probes": {"drainSeconds": 100},
    }
)
FLAVORS = (Flavor("l4", {"gpu": "l4"}), Flavor("a10", {"gpu": "a10"}))
ALIKE = Placement({}, (), "nvidia.com/gpu", 1, None, None, 0, 1)
SEVERAL = Placement({"team": "llm"}, (), "nvidia.com/gpu", 1, None, None, 0, 1, flavors=FLAVORS)
UNLABELLED = Placement({}, (), "nvidia.com/gpu", 1, None, None, 0, 1, flavors=FLAVORS)


def flavors(placement: Placement) -> Any:
    return manifests.open_model(MODEL, placement)["spec"]["inferenceConfig"]["flavors"]


def test_flavors_stand_in_order_of_preference_each_with_its_labels() -> None:
    assert flavors(SEVERAL) == [
        {"name": "l4", "limits": {"nvidia.com/gpu": "1"}, "nodeSelector": {"team": "llm", "gpu": "l4"}},
        {"name": "a10", "limits": {"nvidia.com/gpu": "1"}, "nodeSelector": {"team": "llm", "gpu": "a10"}},
    ]


def test_where_nodes_are_alike_the_flavor_is_the_pool() -> None:
    assert flavors(ALIKE) == [{"name": "gpu", "limits": {"nvidia.com/gpu": "1"}}]


def test_a_playground_has_no_field_for_flavors_so_pods_are_spelled_out() -> None:
    assert manifests.fits_playground(MODEL, ALIKE, ServingSettings())
    found = manifests.replicas(MODEL, UNLABELLED, ServingSettings(), "default")
    assert found["kind"] == "Service"
    pod = found["spec"]["workloadTemplate"]["workerTemplate"]["spec"]
    assert pod["affinity"]["nodeAffinity"] == UNLABELLED.pod_fields()["affinity"]["nodeAffinity"]
