"""What a stack file may say of node pools, and the sentence that every mistake gets."""

import re
from typing import Any

import pytest
import yaml

from local.paths import CHECKOUT
from stacks.machines import MIG_PROFILES
from stacks.machines.google import GPU_TYPES, TPU_TOPOLOGIES
from stacks.settings import ExistingPoolSettings, MadePoolSettings, SettingsError, Toleration
from stacks.settings.pools import POOL_ADAPTERS
from tests.unit.pools import CLUSTERS, MODELS, pool_of, stack_of, written

MADE = [adapter for adapter in POOL_ADAPTERS if adapter != "existing"]

AWS_MODELS = (
    "Tesla-T4, NVIDIA-A10G, NVIDIA-L4, NVIDIA-L40S, NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition, "
    "NVIDIA-A100-SXM4-40GB, NVIDIA-A100-SXM4-80GB, NVIDIA-H100-80GB-HBM3, NVIDIA-H200, NVIDIA-B200"
)

RULES: dict[str, tuple[dict[str, Any], str]] = {
    "fewest nodes above most": (
        written("eks", minNodes=3, maxNodes=2),
        "modelyard:pools[0].minNodes: 3 is above maxNodes 2, and no number of nodes is both: correct one of them",
    ),
    "toleration of a value that exists": (
        written("existing", tolerations=[{"key": "gpu", "value": "yes"}]),
        "modelyard:pools[0].tolerations[0].value: 'yes' with operator 'Exists', which compares no value, and "
        "Kubernetes refuses both: write operator Equal, or leave the value out",
    ),
    "nodes that Karpenter keeps": (
        written("karpenter", minNodes=1),
        "modelyard:pools[0].minNodes: 1, but Karpenter makes nodes when pods ask for them and keeps none without: "
        "leave it out, for the models' replicas keep theirs",
    ),
    "TPUs on EKS": (
        written("eks", accelerator="tpu"),
        "modelyard:pools[0].accelerator: 'tpu' with adapter 'eks', which makes nodes with nvidia only: write that, or "
        "adapter existing or gke",
    ),
    "AMD on GKE": (
        written("gke", accelerator="amd"),
        "modelyard:pools[0].accelerator: 'amd' with adapter 'gke', which makes nodes with nvidia or tpu only: write "
        "that, or adapter existing or aks",
    ),
    "Gaudi on Karpenter": (
        written("karpenter", accelerator="gaudi"),
        "modelyard:pools[0].accelerator: 'gaudi' with adapter 'karpenter', which makes nodes with nvidia only: write "
        "that, or adapter existing",
    ),
    "flavors of TPUs": (
        written("gke", accelerator="tpu", gpuModel="tpu-v6e-slice", flavors=[{"name": "a"}]),
        "modelyard:pools[0].flavors: given for TPUs, but a pod on GKE names the one kind of TPU that it runs on: leave "
        "flavors out, and write a pool for each",
    ),
    "reservation without a name": (
        written("gke", capacity="reservation"),
        "modelyard:pools[0].capacity: 'reservation', but none is named, and nobody could tell from which the machines "
        "come: write reservation with its name or id, or another capacity",
    ),
    "reservation of a flavor without a name": (
        written("gke", flavors=[{"name": "a", "capacity": "reservation"}, {"name": "b"}]),
        "modelyard:pools[0].flavors[0].capacity: 'reservation', but none is named, and nobody could tell from which "
        "the machines come: write reservation with its name or id, or another capacity",
    ),
    "spot from a reservation": (
        written("eks", capacity="spot", reservation="cr-1"),
        "modelyard:pools[0].reservation: 'cr-1' with capacity 'spot', which takes no machine from it: write capacity: "
        "reservation, or leave it out",
    ),
    "flavor of spot from a reservation": (
        written("eks", flavors=[{"name": "a", "capacity": "spot", "reservation": "cr-1"}, {"name": "b"}]),
        "modelyard:pools[0].flavors[0].reservation: 'cr-1' with capacity 'spot', which takes no machine from it: write "
        "capacity: reservation, or leave it out",
    ),
    "reservation of Azure by Karpenter": (
        {
            **{key: value for key, value in written("karpenter").items() if key != "ec2NodeClass"},
            "aksNodeClass": {},
            "gpuModel": "NVIDIA-A10",
            "capacity": "reservation",
            "reservation": "r",
        },
        "modelyard:pools[0].capacity: 'reservation', but Karpenter takes none of Azure's: write on_demand or spot, or "
        "adapter: aks",
    ),
    "no GPU and no machine": (
        written("eks", gpuModel=None),
        "modelyard:pools[0].gpuModel: nothing is given, so no machine type follows from it: write instanceTypes with "
        f"one, or one of {AWS_MODELS}",
    ),
    "GPU that no machine has": (
        written("eks", flavors=[{"name": "a", "gpuModel": "NVIDIA-GB200"}]),
        "modelyard:pools[0].flavors[0].gpuModel: 'NVIDIA-GB200' is in no machine that is known, so no machine type "
        f"follows from it: write instanceTypes with one, or one of {AWS_MODELS}",
    ),
    "number of GPUs that no machine has": (
        written("eks", gpusPerNode=2),
        "modelyard:pools[0].gpusPerNode: 2 of NVIDIA-L4 are in no machine that is known: write 1, 4 or 8, or "
        "instanceTypes with one that has so many",
    ),
    "machine of GKE with a GPU that is unknown": (
        written("gke", gpuModel="NVIDIA-GB200", instanceTypes=["a4x-highgpu-4g"], gpusPerNode=4),
        "modelyard:pools[0].gpuModel: 'NVIDIA-GB200', and GKE has to be told which GPUs a machine has: write one of "
        "Tesla-T4, NVIDIA-L4, NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition, NVIDIA-A100-SXM4-40GB, "
        "NVIDIA-A100-SXM4-80GB, NVIDIA-H100-80GB-HBM3, NVIDIA-H200, NVIDIA-B200",
    ),
    "number of TPUs": (
        written("gke", accelerator="tpu", gpuModel="tpu-v6e-slice", gpusPerNode=2, instanceTypes=["ct6e-standard-2t"]),
        "modelyard:pools[0].gpusPerNode: 2 TPUs are in no machine that is known: write 1, 4 or 8",
    ),
    "two machine types on AKS": (
        written("aks", instanceTypes=["Standard_NC4as_T4_v3", "Standard_NC8as_T4_v3"]),
        "modelyard:pools[0].instanceTypes: 2 are given, but a node pool of aks has one: write one of them, or a flavor "
        "for each",
    ),
    "slices on ACK": (
        written("ack", mig={"profile": "1g.10gb"}),
        "modelyard:pools[0].mig: given with adapter 'ack', but ACK runs a device plugin of its own that shares no GPU "
        "by it: leave it out",
    ),
    "turns on ACK": (
        written("ack", timeSlicing={"replicas": 2}),
        "modelyard:pools[0].timeSlicing: given with adapter 'ack', but ACK runs a device plugin of its own that shares "
        "no GPU by it: leave it out",
    ),
    "turns on slices": (
        written("existing", mig={"profile": "1g.10gb"}, timeSlicing={"replicas": 2}),
        "modelyard:pools[0].timeSlicing: given together with mig, and a slice has too little memory for several models "
        "to take turns on: leave one of them out, or write a smaller mig.profile",
    ),
    "slices of a GPU that has none": (
        written("gke", mig={"profile": "1g.10gb"}),
        "modelyard:pools[0].mig.profile: '1g.10gb' with gpuModel 'NVIDIA-L4', and which slices there can be is known "
        f"only of {', '.join(MIG_PROFILES)}: write one of these as gpuModel, or leave mig out",
    ),
    "slices of no GPU": (
        written("eks", gpuModel=None, instanceTypes=["p4d.24xlarge"], mig={"profile": "1g.10gb"}),
        "modelyard:pools[0].mig.profile: '1g.10gb' with no gpuModel, and which slices there can be is known only of "
        f"{', '.join(MIG_PROFILES)}: write one of these as gpuModel, or leave mig out",
    ),
    "slices that a GPU has not": (
        written("existing", gpuModel="NVIDIA-H200", mig={"profile": "1g.10gb"}),
        "modelyard:pools[0].mig.profile: '1g.10gb', but an NVIDIA-H200 can't be cut into such slices: write 1g.18gb, "
        "1g.35gb, 2g.35gb, 3g.71gb, 4g.71gb or 7g.141gb",
    ),
    "slices by a name of their own on GKE": (
        written("gke", gpuModel="NVIDIA-A100-SXM4-40GB", mig={"profile": "1g.5gb", "strategy": "mixed"}, minNodes=1),
        "modelyard:pools[0].mig.strategy: 'mixed' with adapter 'gke', which makes no node for a pod that asks for "
        "nvidia.com/mig-1g.5gb: write strategy: single",
    ),
    "slices by a name of their own from zero": (
        written("aks", gpuModel="NVIDIA-A100-80GB-PCIe", mig={"profile": "1g.10gb", "strategy": "mixed"}, minNodes=0),
        "modelyard:pools[0].mig.strategy: 'mixed' with adapter 'aks', which makes no node for a pod that asks for "
        "nvidia.com/mig-1g.10gb: write strategy: single, or minNodes: 1",
    ),
    "flavor twice": (
        written("gke", flavors=[{"name": "a"}, {"name": "a", "capacity": "spot"}]),
        "modelyard:pools[0].flavors[1].name: 'a' stands at pools[0].flavors[0] already, and names must differ: rename "
        "one of them",
    ),
    "flavors that are the same": (
        written("gke", flavors=[{"name": "a", "capacity": "spot"}, {"name": "b", "capacity": "spot"}]),
        "modelyard:pools[0].flavors[1]: 'b' says the same as flavors[0], so it is no other choice: remove one of them",
    ),
    "flavor that says what its pool says": (
        written("gke", flavors=[{"name": "a", "gpuModel": "NVIDIA-L4"}, {"name": "b", "capacity": "on_demand"}]),
        "modelyard:pools[0].flavors[1]: 'b' says the same as flavors[0], so it is no other choice: remove one of them",
    ),
    "flavors of the same nodes": (
        written(
            "existing",
            flavors=[
                {"name": "a", "gpuMemoryGib": 24, "nodeSelector": {"x": "1", "y": "2"}},
                {"name": "b", "nodeSelector": {"y": "2", "x": "1"}},
            ],
        ),
        "modelyard:pools[0].flavors[1]: 'b' says the same as flavors[0], so it is no other choice: remove one of them",
    ),
    "no node class": (
        written("karpenter", ec2NodeClass=None),
        "modelyard:pools[0]: no node class is given, and Karpenter's machines are described by exactly one: write one "
        "of nodeClass, ec2NodeClass, aksNodeClass",
    ),
    "two node classes": (
        written("karpenter", nodeClass={"kind": "EC2NodeClass", "name": "gpu"}),
        "modelyard:pools[0]: nodeClass and ec2NodeClass are given, and Karpenter's machines are described by exactly "
        "one: write one of nodeClass, ec2NodeClass, aksNodeClass",
    ),
}

FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "no such adapter": (
        {"name": "gpu", "adapter": "oke"},
        "modelyard:pools[0].adapter: 'oke' is no adapter of a node pool: write adapter: existing or adapter: karpenter "
        "or adapter: gke or adapter: eks or adapter: aks or adapter: ack",
    ),
    "zones of EKS": (
        written("eks", zones=["eu-west-1a"]),
        "modelyard:pools[0].zones: a node pool of adapter 'eks' has no such setting, and one of 'karpenter' or 'gke' "
        "or 'aks' has: remove it",
    ),
    "zones of nodes that are there": (
        written("existing", zones=["a"]),
        "modelyard:pools[0].zones: a node pool of adapter 'existing' has no such setting, and one of 'karpenter' or "
        "'gke' or 'aks' has: remove it",
    ),
    "capacity of a flavor that is there": (
        written("existing", flavors=[{"name": "a", "nodeSelector": {"gpu": "a"}, "capacity": "spot"}]),
        "modelyard:pools[0].flavors[0].capacity: a node pool of adapter 'existing' has no such setting, and one of "
        "'karpenter' or 'gke' or 'eks' or 'aks' or 'ack' has: remove it",
    ),
    "setting that nobody has": (
        written("gke", machine="g2"),
        "modelyard:pools[0].machine: there is no such setting here; stacks/schema.json lists them all: correct or "
        "remove it",
    ),
    "flavor that nothing tells from others": (
        written("existing", flavors=[{"name": "a"}]),
        "modelyard:pools[0].flavors[0].nodeSelector: nothing is given, and there is no default: add it",
    ),
    "machines without an identity": (
        written("karpenter", ec2NodeClass={"subnetTags": {"a": "b"}, "securityGroupTags": {"a": "b"}}),
        "modelyard:pools[0].ec2NodeClass: a mapping must have one of role and instanceProfile, by which its machines "
        "join: write one of them",
    ),
    "image without a driver": (
        written("karpenter", ec2NodeClass={**CLUSTERS["karpenter"]["ec2NodeClass"], "ami": "al2@latest"}),
        "modelyard:pools[0].ec2NodeClass.ami: 'al2@latest' names no image that has NVIDIA's driver: write "
        "al2023@<version> or bottlerocket@<version>",
    ),
    "capacity that there isn't": (
        written("gke", capacity="free"),
        "modelyard:pools[0].capacity: 'free' cannot be used: input should be 'on_demand', 'spot' or 'reservation'",
    ),
}


@pytest.mark.parametrize(("pool", "sentence"), [*RULES.values(), *FIELDS.values()], ids=[*RULES, *FIELDS])
def test_a_mistake_gets_its_sentence_and_no_other(pool: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        stack_of(pool)
    assert caught.value.problems == [sentence]


def test_a_pool_without_an_adapter_is_of_nodes_that_are_there() -> None:
    (pool,) = stack_of({"name": "gpu"}).pools
    assert isinstance(pool, ExistingPoolSettings)
    assert pool.adapter == "existing"


@pytest.mark.parametrize("adapter", MADE)
def test_the_least_that_an_adapter_has_to_be_told(adapter: str) -> None:
    pool = pool_of(adapter)
    assert isinstance(pool, MadePoolSettings)
    assert (pool.capacity, pool.min_nodes, pool.disk.size_gib) == ("on_demand", 0, 200)
    (group,) = pool.groups
    assert (group.name, group.flavor, group.suffix, group.gpu_model) == ("gpu", None, "", MODELS[adapter])
    assert len(group.instance_types) == (7 if adapter == "karpenter" else 1)


def test_a_flavor_says_what_differs_from_its_pool() -> None:
    pool = pool_of(
        "gke",
        capacity="spot",
        reservation="r",
        minNodes=2,
        maxNodes=4,
        flavors=[
            {"name": "reserved", "capacity": "reservation"},
            {"name": "spot"},
            {"name": "a100", "gpuModel": "NVIDIA-A100-SXM4-40GB", "instanceTypes": ["a2-special-1g"]},
        ],
    )
    assert isinstance(pool, MadePoolSettings)
    assert [
        (group.name, group.gpu_model, group.instance_types, group.capacity, group.min_nodes) for group in pool.groups
    ] == [
        ("gpu-reserved", "NVIDIA-L4", ("g2-standard-8",), "reservation", 2),
        ("gpu-spot", "NVIDIA-L4", ("g2-standard-8",), "spot", 0),
        ("gpu-a100", "NVIDIA-A100-SXM4-40GB", ("a2-special-1g",), "spot", 0),
    ]
    assert pool.groups[0].reservation == "r"


def test_a_machine_type_may_be_one_that_is_in_no_table() -> None:
    pool = pool_of("eks", gpuModel=None, gpusPerNode=3, instanceTypes=["g99.large", "g98.large"])
    assert isinstance(pool, MadePoolSettings)
    assert pool.groups[0].instance_types == ("g99.large", "g98.large")


@pytest.mark.parametrize(
    ("changes", "devices"),
    [
        ({"gpusPerNode": 8}, 8),
        ({"gpusPerNode": 8, "timeSlicing": {"replicas": 4}}, 32),
        ({"gpusPerNode": 8, "gpuModel": "NVIDIA-H200", "mig": {"profile": "1g.18gb"}}, 56),
        ({"gpusPerNode": 2, "gpuModel": "NVIDIA-A100-SXM4-40GB", "mig": {"profile": "1g.10gb"}}, 8),
        ({"gpusPerNode": 2, "gpuModel": "NVIDIA-A100-SXM4-80GB", "mig": {"profile": "1g.10gb"}}, 14),
        # Of a GPU in no table, a person has to count the slices.
        ({"gpusPerNode": 4, "gpuModel": "NVIDIA-GB300", "mig": {"profile": "1g.34gb"}}, 4),
    ],
)
def test_what_a_node_offers_is_its_gpus_their_slices_or_the_turns_on_them(
    changes: dict[str, Any], devices: int
) -> None:
    assert pool_of("existing", **changes).devices_per_node == devices


@pytest.mark.parametrize("adapter", MADE)
def test_pods_tolerate_what_the_nodes_of_their_pool_are_tainted_with(adapter: str) -> None:
    pool = pool_of(adapter, taints=[{"key": "team", "value": "llm", "effect": "NoExecute"}])
    assert pool.tolerations == (
        Toleration(key="nvidia.com/gpu", effect="NoSchedule"),
        Toleration(key="team", operator="Equal", value="llm", effect="NoExecute"),
    )


@pytest.mark.parametrize(
    "changes", [{"capacity": "spot"}, {"flavors": [{"name": "a"}, {"name": "b", "capacity": "spot"}]}]
)
def test_pods_tolerate_spot_nodes_of_aks(changes: dict[str, Any]) -> None:
    assert pool_of("aks", **changes).tolerations[-1] == Toleration(
        key="kubernetes.azure.com/scalesetpriority", operator="Equal", value="spot", effect="NoSchedule"
    )


def test_every_machine_type_of_a_table_is_in_one_place() -> None:
    for adapter in MADE:
        pool = pool_of(adapter)
        assert isinstance(pool, MadePoolSettings)
        types = [name for machines in pool.machines.values() for names in machines.values() for name in names]
        assert len(types) == len(set(types))


def test_google_has_a_name_for_everything_in_its_table() -> None:
    pool = pool_of("gke")
    assert isinstance(pool, MadePoolSettings)
    tpus = {model for model in pool.machines if model.startswith("tpu-")}
    assert set(GPU_TYPES) | tpus == set(pool.machines)
    assert all(set(pool.machines[tpu]) <= set(TPU_TOPOLOGIES) for tpu in tpus)


def examples() -> list[Any]:
    """The pools that docs/pools.md shows, but for the fragment of settings that made pools have beside the others."""
    text = (CHECKOUT / "docs" / "pools.md").read_text(encoding="utf-8").partition("\n## GPU software\n")[0]
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return [yaml.safe_load(block) for block in blocks if not block.startswith("    ")]


@pytest.mark.parametrize("example", examples(), ids=lambda example: str(len(str(example))))
def test_the_examples_of_the_documentation_are_pools(example: Any) -> None:
    pools = example["modelyard:pools"] if isinstance(example, dict) else example
    stack = stack_of(*pools)
    assert {pool.adapter for pool in stack.pools} <= set(POOL_ADAPTERS)


def test_the_documentation_has_an_example_of_every_adapter() -> None:
    shown = [pool for example in examples() for pool in (example if isinstance(example, list) else [])]
    assert {pool["adapter"] for pool in shown} == set(MADE)
