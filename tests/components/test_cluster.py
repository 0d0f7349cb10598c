"""The part of a platform that a cluster's team makes."""

from typing import Any

import pytest

from components.cluster import Cluster
from stacks.settings import load
from tests.components.conftest import Program, Run


def deploy(run: Run, **changes: Any) -> Program:
    stack = load({"part": "cluster", "pools": [{"name": "gpu"}], **changes})
    return run(lambda: Cluster("cluster", stack))


def test_pools_software_and_definitions_and_nothing_else(run: Run) -> None:
    program = deploy(run, gpuSoftware={"kind": "device_plugin"}, gateway={"kind": "higress"})
    assert {(found.token, found.name) for found in program.resources if found.parent == "cluster"} == {
        ("pulumi:providers:kubernetes", "cluster-cluster"),
        ("modelyard:index:ExistingGpuNodePool", "cluster-gpu"),
        ("modelyard:index:GpuSoftware", "cluster-gpu-software"),
        ("modelyard:index:HigressDefinitions", "cluster-higress"),
    }
    definitions = program.of("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition")
    assert len(definitions) == 4
    assert all(found.request.retainOnDelete and found.provider == "cluster-cluster" for found in definitions)
    assert program.named("cluster-higress-namespace").inputs["metadata"]["name"] == "higress-system"


def test_envoy_needs_no_definitions(run: Run) -> None:
    assert {found.token for found in deploy(run).resources if found.parent} == {
        "modelyard:index:Cluster",
        "pulumi:providers:kubernetes",
        "modelyard:index:ExistingGpuNodePool",
    }


@pytest.mark.parametrize(("cluster", "path"), [({}, False), ({"kubeconfig": "/etc/k"}, True)])
def test_a_kubeconfig_without_a_file_is_a_secret_and_a_path_counts_more(
    run: Run, cluster: dict[str, str], path: bool
) -> None:
    provider = deploy(run, cluster={"kubeconfigContents": "kind: Config", **cluster}).named("cluster-cluster")
    assert (provider.inputs.get("kubeconfig") == "/etc/k") == path
    assert ("kubeconfig" in provider.secrets) == (not path)
