"""A platform that two teams share: what the stack of the cluster exports, and what stacks of models make of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.manifests.placement import placement
from stacks import stack_file
from stacks.cluster_outputs import configuration, exported
from stacks.settings import SettingsError, load
from stacks.stack_file import read
from tests.unit.pools import CLUSTERS, written

FLAVORS = [{"name": "spot", "capacity": "spot"}, {"name": "paid", "gpuMemoryGib": 20}]
KINDS: dict[str, list[dict[str, Any]]] = {
    adapter: [{}, {"gpusPerNode": 1, "maxNodes": 4, "gpuMemoryGib": 22.5, "binPacking": True}] for adapter in CLUSTERS
}
for adapter in ("karpenter", "gke", "eks", "aks", "ack"):
    KINDS[adapter] += [{"flavors": FLAVORS}, {"capacity": "spot", "taints": [{"key": "team", "value": "a"}]}]
KINDS["existing"] += [
    {"nodeSelector": {"gpu": "l4"}, "tolerations": [], "gpuResource": "example.com/gpu"},
    {"accelerator": "amd"},
    {"flavors": [{"name": "a", "nodeSelector": {"kind": "a"}}, {"name": "b", "nodeSelector": {"kind": "b"}}]},
]
KINDS["gke"] += [
    {"timeSlicing": {"replicas": 2}},
    {"accelerator": "tpu", "gpuModel": "tpu-v6e-slice", "gpusPerNode": 4},
    {"gpuModel": "NVIDIA-A100-SXM4-40GB", "mig": {"profile": "1g.5gb"}},
]
KINDS["aks"] += [
    {"gpuModel": "NVIDIA-A100-80GB-PCIe", "mig": {"profile": "1g.10gb", "strategy": "mixed"}, "minNodes": 1}
]


@pytest.mark.parametrize(
    ("adapter", "changes"), [(adapter, changes) for adapter, kinds in KINDS.items() for changes in kinds]
)
def test_models_are_placed_by_another_stack_as_by_the_one_that_has_the_pool(
    adapter: str, changes: dict[str, Any]
) -> None:
    cluster = load({"part": "cluster", "pools": [written(adapter, **changes)]})
    outputs = json.loads(json.dumps(exported(cluster)))
    models = load(configuration("o/p/s", outputs, None))
    assert models.pools[0].adapter == "existing"
    assert placement(models.pools[0]) == placement(cluster.pools[0])


def test_a_gateway_of_higress_takes_namespace_and_definitions_that_are_there() -> None:
    cluster = load({"part": "cluster", "pools": [{"name": "gpu"}], "gateway": {"kind": "higress", "namespace": "edge"}})
    outputs = exported(cluster)
    assert configuration("o/p/s", outputs, "higress")["gateway"] == {
        "namespace": "edge",
        "createNamespace": False,
        "manageCrds": False,
    }
    assert "gateway" not in configuration("o/p/s", outputs, "envoy")
    assert "gateway" not in configuration("o/p/s", outputs, None)


@pytest.mark.parametrize(
    ("given", "text"), [("apiVersion: v1", "apiVersion: v1"), ({"kind": "Config"}, '{"kind": "Config"}')]
)
def test_a_kubeconfig_is_a_text_or_a_mapping(given: Any, text: str) -> None:
    stack = load(configuration("o/p/s", {"kubeconfig": given, "region": "eu"}, None))
    assert stack.cluster.kubeconfig_contents is not None
    assert stack.cluster.kubeconfig_contents.get_secret_value() == text
    assert text not in repr(stack)


@pytest.mark.parametrize(
    ("outputs", "what"),
    [
        ({}, "no outputs, so nothing says anything of a cluster"),
        ({"base_url": "http://x", "a": 1}, "the outputs a, base_url, none of which says anything of a cluster"),
    ],
)
def test_outputs_that_say_nothing_of_a_cluster_are_refused(outputs: dict[str, Any], what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        configuration("o/p/s", outputs, None)
    assert str(caught.value) == (
        f"modelyard:cluster.stackReference: 'o/p/s' has {what}: write modelyard:part: cluster in that stack and run "
        "`pulumi up`, or export pools, namespace or kubeconfig there"
    )


@pytest.mark.parametrize(
    ("stack", "sentence"),
    [
        (
            {"models": [{"name": "a", "source": "file:///a", "pool": "gpu"}]},
            "modelyard:models: 1 in a stack of part 'cluster', which runs none: write them in a stack of their own "
            "that names this one in modelyard:cluster.stackReference, or leave modelyard:part out",
        ),
        (
            {"pools": []},
            "modelyard:pools: none in a stack of part 'cluster', so there would be nothing for models to run on: write "
            "them, or leave modelyard:part out",
        ),
        (
            {"gateway": {"kind": "higress", "manageCrds": False}},
            "modelyard:gateway.manageCrds: false in a stack of part 'cluster', and of a gateway that makes the "
            "definitions only: leave it out, or leave modelyard:gateway out where somebody else makes them",
        ),
        (
            {"cluster": {"stackReference": "shared"}},
            "modelyard:cluster.stackReference: 'shared' is no full name of a stack: write organization, project and "
            "stack with slashes between them, such as acme/platform/cluster, and for the organization the word "
            "organization where Pulumi keeps its state in files or a bucket",
        ),
        (
            {"cluster": {"kubeconfigContents": ["secret"]}},
            "modelyard:cluster.kubeconfigContents: what is given (not shown: it may be a secret) stands where a text "
            "belongs: write one, in quotes if need be",
        ),
    ],
)
def test_a_stack_of_the_cluster_alone(stack: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({"part": "cluster", "pools": [{"name": "gpu"}], **stack})
    assert str(caught.value) == sentence


SHARED = "config: {modelyard:part: cluster, modelyard:cluster: {namespace: llm}, modelyard:pools: [{name: gpu}]}"
TEAM = (
    "config: {modelyard:cluster: {stackReference: %s}, modelyard:models: [{name: a, source: 'file:///a', pool: gpu}]}"
)


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a stack of models, beside one of the cluster."""
    monkeypatch.setattr(stack_file, "FOLDER", tmp_path)
    (tmp_path / "Pulumi.shared.yaml").write_text(SHARED)
    return tmp_path / "Pulumi.team.yaml"


def test_commands_without_pulumi_read_the_other_stack_of_this_project_by_its_file(team: Path) -> None:
    team.write_text(TEAM % "acme/modelyard/shared")
    stack = read(team)
    assert (stack.cluster.namespace, stack.pools[0].name) == ("llm", "gpu")


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (
            "acme/infra/shared",
            "modelyard:cluster.stackReference: the outputs of 'acme/infra/shared' are known to Pulumi alone, and this "
            "command reads files: look at what `pulumi preview` says, or write here what it exports, which `pulumi "
            "stack output --stack acme/infra/shared --json` shows",
        ),
        (
            "acme/modelyard/team",
            "modelyard:cluster.stackReference: 'acme/modelyard/team' builds upon this stack itself, so neither could "
            "be made first: name a stack of part cluster",
        ),
        (
            "acme/modelyard/whole",
            "modelyard:cluster.stackReference: 'acme/modelyard/whole' has the outputs base_url, models, routes, none "
            "of which says anything of a cluster: write modelyard:part: cluster in that stack and run `pulumi up`, or "
            "export pools, namespace or kubeconfig there",
        ),
    ],
)
def test_a_stack_that_cannot_be_built_upon(team: Path, other: str, sentence: str) -> None:
    (team.parent / "Pulumi.whole.yaml").write_text("config: {}")
    team.write_text(TEAM % other)
    with pytest.raises(SettingsError) as caught:
        read(team)
    assert str(caught.value) == sentence


def test_a_pool_that_cannot_be_used_is_told_by_the_stack_that_exports_it() -> None:
    from stacks.layers import settings_of

    own = {"modelyard:cluster": {"stackReference": "acme/infra/prod"}}
    with pytest.raises(SettingsError) as caught:
        settings_of(own, "Pulumi.team.yaml", lambda _: {"pools": [{"name": "gpu", "gpusPerNode": 0}]})
    assert str(caught.value) == (
        "outputs of acme/infra/prod, modelyard:pools[0].gpusPerNode: 0 cannot be used: input should be greater than or "
        "equal to 1"
    )
