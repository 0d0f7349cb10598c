"""Node pools that need no SDK of a cloud, and what is said where one is missing."""

import sys

import pulumi
import pytest

from components.gpu_node_pool.adapters import adapters
from components.gpu_node_pool.karpenter import KarpenterGpuNodePool
from components.platform import Platform
from stacks.settings import KarpenterPoolSettings, SettingsError
from tests.components.conftest import Program, Run
from tests.unit.pools import pool_of, stack_of, written


def deploy(run: Run, pool: KarpenterPoolSettings) -> Program:
    return run(lambda: KarpenterGpuNodePool("pool", pool, pulumi.ResourceOptions()))


def karpenter(**changes: object) -> KarpenterPoolSettings:
    pool = pool_of("karpenter", **changes)
    assert isinstance(pool, KarpenterPoolSettings)
    return pool


def test_karpenter_has_a_node_class_before_the_node_pools(run: Run) -> None:
    program = deploy(run, karpenter(flavors=[{"name": "spot", "capacity": "spot"}, {"name": "paid"}]))
    node_class = program.named("pool-node-class")
    assert node_class.token == "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
    for name, weight in (("pool-spot-nodes", 100), ("pool-paid-nodes", 90)):
        found = program.named(name)
        assert found.token == "kubernetes:karpenter.sh/v1:NodePool"
        assert found.dependencies == {"pool-node-class"}
        assert found.parent == "pool"
        assert found.inputs["spec"]["weight"] == weight
    assert program.outputs["pool"] == {"nodeSelector": {"modelyard.dev/pool": "gpu"}, "gpuResource": "nvidia.com/gpu"}


def test_karpenter_makes_no_node_class_where_one_is_named(run: Run) -> None:
    program = deploy(run, karpenter(ec2NodeClass=None, nodeClass={"kind": "EC2NodeClass", "name": "shared"}))
    assert [found.name for found in program.resources if found.parent == "pool"] == ["pool-nodes"]


@pytest.mark.parametrize(
    ("adapter", "module", "package"),
    [
        ("gke", "pulumi_gcp", "pulumi-gcp"),
        ("eks", "pulumi_aws", "pulumi-aws"),
        ("aks", "pulumi_azure", "pulumi-azure"),
        ("ack", "pulumi_alicloud", "pulumi-alicloud"),
    ],
)
def test_a_missing_package_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch, adapter: str, module: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"components.gpu_node_pool.{adapter}", raising=False)
    with pytest.raises(SettingsError) as caught:
        adapters(stack_of({"name": "other"}, written(adapter)))
    assert caught.value.problems == [
        f"modelyard:pools[1].adapter: {adapter!r} needs the package {package}, which is not installed here: run "
        f"`uv sync --extra {adapter}`"
    ]


def test_a_missing_package_is_said_before_anything_is_made(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pulumi_gcp", None)
    monkeypatch.delitem(sys.modules, "components.gpu_node_pool.gke", raising=False)

    def build() -> None:
        with pytest.raises(SettingsError):
            Platform("platform", stack_of(written("gke")))

    program = run(build)
    assert not [found for found in program.resources if found.token.startswith(("kubernetes:", "gcp:"))]


def test_no_sdk_of_a_cloud_is_imported_for_nodes_that_are_there() -> None:
    before = set(sys.modules)
    adapters(stack_of({"name": "gpu"}))
    assert not [name for name in set(sys.modules) - before if name.startswith("pulumi_")]
