"""Where pods go, by the settings of their pool."""

from typing import Any

from components.manifests.placement import Flavor, Placement, placement
from stacks.settings import Toleration
from tests.unit.pools import pool_of

NVIDIA = Toleration(key="nvidia.com/gpu", effect="NoSchedule")


def existing(**changes: Any) -> Placement:
    return placement(pool_of("existing", **changes))


def affinity(*flavors: Flavor) -> Any:
    """The node affinity of a pod that may run on these flavors."""
    found = Placement({}, (), "nvidia.com/gpu", 1, None, None, 0, 1, flavors=flavors).pod_fields()
    return found["affinity"]["nodeAffinity"]


def term(key: str, value: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": "In", "values": [value]}]}


def test_nodes_that_are_there() -> None:
    assert existing(
        gpuModel="NVIDIA-L4", gpuMemoryGib=24, gpusPerNode=2, maxNodes=3, minNodes=1, nodeSelector={"pool": "l4"}
    ) == Placement(
        node_selector={"pool": "l4"},
        tolerations=(NVIDIA,),
        gpu_resource="nvidia.com/gpu",
        gpus_per_node=2,
        gpu_model="NVIDIA-L4",
        gpu_memory_gib=24,
        min_nodes=1,
        max_nodes=3,
        accelerator="nvidia",
        flavors=(),
    )


def test_nodes_that_an_adapter_makes_have_the_label_of_their_pool() -> None:
    for adapter in ("karpenter", "gke", "eks", "aks", "ack"):
        found = placement(pool_of(adapter))
        assert found.pod_fields() == {
            "nodeSelector": {"modelyard.dev/pool": "gpu"},
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        }


def test_a_pod_on_a_tpu_of_gke_names_the_kind_and_how_it_is_connected() -> None:
    found = placement(pool_of("gke", accelerator="tpu", gpuModel="tpu-v6e-slice", gpusPerNode=4))
    assert found.gpu_resource == "google.com/tpu"
    assert found.pod_fields() == {
        "nodeSelector": {
            "modelyard.dev/pool": "gpu",
            "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
            "cloud.google.com/gke-tpu-topology": "2x2",
        },
        "tolerations": [{"key": "google.com/tpu", "operator": "Exists", "effect": "NoSchedule"}],
    }


def test_a_pod_runs_on_any_flavor_and_rather_on_an_earlier_one() -> None:
    l4, a10, t4 = (Flavor(name, {"gpu": name}) for name in ("l4", "a10", "t4"))
    assert affinity(l4, a10, t4) == {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [term("gpu", "l4"), term("gpu", "a10"), term("gpu", "t4")]
        },
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 100, "preference": term("gpu", "l4")},
            {"weight": 50, "preference": term("gpu", "a10")},
        ],
    }
    assert affinity(l4) == {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term("gpu", "l4")]}
    }


def test_weights_of_the_most_flavors_are_such_as_kubernetes_takes() -> None:
    found = affinity(*(Flavor(f"f{number}", {"gpu": str(number)}) for number in range(8)))
    weights = [each["weight"] for each in found["preferredDuringSchedulingIgnoredDuringExecution"]]
    assert weights == sorted(set(weights), reverse=True)
    assert 1 <= weights[-1] < weights[0] == 100


def test_flavors_of_nodes_that_are_there_are_told_by_their_labels() -> None:
    flavors = [
        {"name": "l4", "gpuModel": "NVIDIA-L4", "gpuMemoryGib": 24, "nodeSelector": {"gpu": "l4", "zone": "a"}},
        {"name": "t4", "gpuModel": "Tesla-T4", "gpuMemoryGib": 16, "nodeSelector": {"gpu": "t4"}},
    ]
    found = existing(nodeSelector={"team": "llm"}, flavors=flavors)
    assert found.node_selector == {"team": "llm"}
    assert found.flavors == (Flavor("l4", {"gpu": "l4", "zone": "a"}), Flavor("t4", {"gpu": "t4"}))
    assert (found.gpu_model, found.gpu_memory_gib) == (None, 16)


def test_flavors_of_nodes_that_are_made_are_told_by_our_label() -> None:
    found = placement(pool_of("gke", gpuMemoryGib=24, flavors=[{"name": "spot", "capacity": "spot"}, {"name": "paid"}]))
    assert found.flavors == (
        Flavor("spot", {"modelyard.dev/flavor": "spot"}),
        Flavor("paid", {"modelyard.dev/flavor": "paid"}),
    )
    assert (found.gpu_model, found.gpu_memory_gib) == ("NVIDIA-L4", 24)


def test_memory_is_unknown_where_it_is_of_one_flavor() -> None:
    flavors = [{"name": "a", "gpuMemoryGib": 24, "nodeSelector": {"a": "a"}}, {"name": "b", "nodeSelector": {"b": "b"}}]
    assert existing(flavors=flavors).gpu_memory_gib is None


def test_slices_have_a_name_of_their_own_where_the_strategy_says_so() -> None:
    h200 = {"gpuModel": "NVIDIA-H200", "gpusPerNode": 8}
    single = existing(**h200, mig={"profile": "3g.71gb"})
    mixed = existing(**h200, mig={"profile": "3g.71gb", "strategy": "mixed"})
    assert (single.gpu_resource, single.gpus_per_node) == ("nvidia.com/gpu", 16)
    assert (mixed.gpu_resource, mixed.gpus_per_node) == ("nvidia.com/mig-3g.71gb", 16)


def test_turns_are_offered_like_gpus() -> None:
    found = existing(gpusPerNode=2, timeSlicing={"replicas": 4})
    assert (found.gpu_resource, found.gpus_per_node) == ("nvidia.com/gpu", 8)


def test_another_accelerator_has_its_resource_and_taint() -> None:
    found = existing(accelerator="amd")
    assert (found.accelerator, found.gpu_resource) == ("amd", "amd.com/gpu")
    assert found.tolerations == (Toleration(key="amd.com/gpu", effect="NoSchedule"),)
