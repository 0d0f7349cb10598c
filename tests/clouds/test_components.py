"""The components of node pools with the real SDKs: what they register, and whether the SDKs know all of it."""

import importlib
from typing import Any

import pulumi
import pytest

from components.gpu_node_pool.adapters import adapters
from components.manifests.pools import ack, aks, eks, gke
from components.platform import Platform
from stacks.settings import MadePoolSettings, StackSettings
from stacks.stack_file import read_named
from stacks.warnings import warnings
from tests.clouds.typed import problems
from tests.components.conftest import Program, Run
from tests.unit.pools import pool_of, stack_of, written

pytestmark = [
    pytest.mark.clouds,
    pytest.mark.usefixtures("sdks"),
    # What an SDK says when it is imported of resources that nobody asks it for.
    pytest.mark.filterwarnings("ignore:.* has been deprecated in favor of:DeprecationWarning"),
]

NODE_POOLS = {
    "gke": "gcp:container/nodePool:NodePool",
    "eks": "aws:eks/nodeGroup:NodeGroup",
    "aks": "azure:containerservice/kubernetesClusterNodePool:KubernetesClusterNodePool",
    "ack": "alicloud:cs/nodePool:NodePool",
}
"""What each adapter makes for a kind of nodes."""

FLAVORS = [{"name": "spot", "capacity": "spot"}, {"name": "paid"}]
EVERYTHING: dict[str, Any] = {
    "minNodes": 1,
    "maxNodes": 3,
    "disk": {"sizeGib": 300},
    "labels": {"team": "llm"},
    "taints": [{"key": "team", "value": "llm"}],
    "flavors": [*FLAVORS, {"name": "reserved", "capacity": "reservation", "reservation": "r-1"}],
}
OF_ONE: dict[str, list[dict[str, Any]]] = {
    "gke": [
        {"project": "p", "zones": ["a"], "serviceAccount": "n@p", "disk": {"type": "pd-ssd"}, "driver": "latest"},
        {"gpuModel": "NVIDIA-A100-SXM4-40GB", "mig": {"profile": "1g.5gb"}},
        {"timeSlicing": {"replicas": 2}},
        {"accelerator": "tpu", "gpuModel": "tpu-v6e-slice"},
    ],
    "eks": [{"disk": {"type": "io2"}}],
    "aks": [
        {"zones": ["1"], "subnetId": "/s", "disk": {"type": "Ephemeral"}},
        {"gpuModel": "NVIDIA-A100-80GB-PCIe", "mig": {"profile": "1g.10gb"}},
    ],
    "ack": [{"keyName": "ssh", "driverVersion": "550.144.03"}, {"minNodes": 1}],
}
"""What only some adapters have."""


def deploy(run: Run, stack: StackSettings) -> Program:
    """What the pools of a stack register."""

    def build() -> None:
        made = adapters(stack)
        for pool in stack.pools:
            made[pool.adapter](pool.name, pool, pulumi.ResourceOptions())

    return run(build)


@pytest.mark.parametrize("adapter", NODE_POOLS)
def test_the_sdk_knows_all_that_is_given_and_takes_its_types(adapter: str) -> None:
    modules = {"gke": "pulumi_gcp", "eks": "pulumi_aws", "aks": "pulumi_azure", "ack": "pulumi_alicloud"}
    package = importlib.import_module(modules[adapter])
    arguments: dict[str, Any] = {
        "gke": lambda: [(package.container.NodePoolArgs, gke.node_pool)],
        "eks": lambda: [
            (package.eks.NodeGroupArgs, eks.node_group),
            (package.ec2.LaunchTemplateArgs, eks.launch_template),
        ],
        "aks": lambda: [(package.containerservice.KubernetesClusterNodePoolArgs, aks.node_pool)],
        "ack": lambda: [(package.cs.NodePoolArgs, ack.node_pool)],
    }
    for changes in ({}, EVERYTHING, *OF_ONE[adapter]):
        pool = pool_of(adapter, **changes)
        assert isinstance(pool, MadePoolSettings)
        for sdk, described in arguments[adapter]():
            assert [found for group in pool.groups for found in problems(sdk, described(pool, group))] == []


def test_what_an_sdk_does_not_know_is_found() -> None:
    package = importlib.import_module("pulumi_gcp")
    given = {
        "cluster": 1,
        "zone": "a",
        "autoscaling": {"total_min_node_count": "1", "least": 1},
        "node_config": {"labels": {"a": 1}, "guest_accelerators": [{"type": "l4", "number": 1}]},
    }
    found = [each.partition(":")[0] for each in problems(package.container.NodePoolArgs, given)]
    assert found == [
        "cluster",
        "zone",
        "autoscaling.total_min_node_count",
        "autoscaling.least",
        "node_config.labels.a",
        "node_config.guest_accelerators[0].number",
    ]


@pytest.mark.parametrize("adapter", NODE_POOLS)
def test_a_pool_is_one_component_with_nodes_of_each_flavor(run: Run, adapter: str) -> None:
    program = deploy(run, stack_of(written(adapter, flavors=FLAVORS)))
    (component,) = program.of(f"modelyard:index:{adapter.capitalize()}GpuNodePool")
    found = program.of(NODE_POOLS[adapter])
    assert sorted((each.name, each.parent) for each in found) == [
        ("gpu-paid-nodes", "gpu"),
        ("gpu-spot-nodes", "gpu"),
    ]
    assert program.outputs["gpu"] == {
        "nodeSelector": {"modelyard.dev/pool": "gpu"},
        "gpuResource": "nvidia.com/gpu",
    }
    assert component.inputs == {}


def test_gke_registers_what_was_described_in_the_clouds_own_words(run: Run) -> None:
    program = deploy(run, stack_of(written("gke", capacity="spot", maxNodes=2)))
    assert program.named("gpu-nodes").inputs == {
        "cluster": "llm",
        "location": "europe-west4",
        "name": "gpu",
        "initialNodeCount": 0,
        "autoscaling": {"totalMinNodeCount": 0, "totalMaxNodeCount": 2, "locationPolicy": "ANY"},
        "management": {"autoRepair": True, "autoUpgrade": True},
        "nodeConfig": {
            "machineType": "g2-standard-8",
            "diskSizeGb": 200,
            "labels": {"modelyard.dev/pool": "gpu"},
            "oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"],
            "guestAccelerators": [
                {"type": "nvidia-l4", "count": 1, "gpuDriverInstallationConfig": {"gpuDriverVersion": "DEFAULT"}}
            ],
            "spot": True,
        },
    }


def test_eks_starts_its_nodes_from_a_launch_template(run: Run) -> None:
    program = deploy(run, stack_of(written("eks")))
    nodes, template = program.named("gpu-nodes"), program.named("gpu-template")
    assert nodes.dependencies == {"gpu-template"}
    assert nodes.inputs["launchTemplate"]["id"] == "gpu-template-id"
    assert template.inputs["blockDeviceMappings"][0]["ebs"]["volumeSize"] == 200


@pytest.mark.parametrize(
    ("adapter", "kept"), [("gke", "initialNodeCount"), ("eks", "scalingConfig.desiredSize"), ("aks", "nodeCount")]
)
def test_another_number_of_nodes_is_no_difference(run: Run, adapter: str, kept: str) -> None:
    nodes = deploy(run, stack_of(written(adapter))).named("gpu-nodes")
    assert list(nodes.request.ignoreChanges) == [kept]


@pytest.mark.parametrize(("least", "awaited"), [(0, set()), (1, {"platform-gpu-nodes"})])
def test_models_wait_for_a_pool_that_always_has_a_node(run: Run, least: int, awaited: set[str]) -> None:
    models = [{"name": "qwen", "source": "file:///models/qwen", "pool": "gpu"}]
    stack = stack_of(written("gke", minNodes=least), models=models)
    program = run(lambda: Platform("platform", stack))
    assert program.named("platform-qwen").dependencies == awaited
    pod = program.named("platform-qwen-replicas").inputs["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"modelyard.dev/pool": "gpu"}


@pytest.mark.parametrize("name", NODE_POOLS)
def test_the_stack_of_each_cloud_asks_it_for_nodes_that_hold_its_models(run: Run, name: str) -> None:
    stack = read_named(name)
    program = run(lambda: Platform("platform", stack), preview=True)
    assert {nodes.name for nodes in program.of(NODE_POOLS[name])} == {"platform-gpu-nodes", "platform-reserve-nodes"}
    assert {program.named(f"platform-{model.name}").name for model in stack.models} == {
        "platform-qwen3-8b",
        "platform-phi-4-mini",
        "platform-qwen2-1-5b",
    }
    for model in stack.models:
        assert f"platform-{model.pool}-nodes" in program.named(f"platform-{model.name}").dependencies
    assert warnings(stack) == []
