"""A platform that two teams share: the real CLI with a stack of the cluster and one of models, in a file backend."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.plugins.checkout import checkout_in, init, planned
from tests.plugins.conftest import Cli

pytestmark = pytest.mark.pulumi

CLUSTER: dict[str, Any] = {
    "modelyard:part": "cluster",
    "modelyard:cluster": {"namespace": "llm"},
    "modelyard:pools": [
        {"name": "l4", "gpuModel": "NVIDIA-L4", "gpuMemoryGib": 24, "gpusPerNode": 4, "nodeSelector": {"gpu": "l4"}},
        {"name": "cpu", "gpusPerNode": 2, "tolerations": []},
    ],
}
MODELS: dict[str, Any] = {
    "modelyard:cluster": {"stackReference": "organization/modelyard/shared"},
    "modelyard:models": [{"name": "qwen", "source": "file:///qwen", "pool": "l4"}],
}
ELSEWHERE = """
import pulumi

pulumi.export("kubeconfig", pulumi.Output.secret({"apiVersion": "v1", "kind": "Config", "clusters": []}))
pulumi.export("pools", [{"name": "l4", "nodeSelector": {"team": "a"}}])
"""


@pytest.fixture
def checkout(cli: Cli) -> Cli:
    """The CLI with this checkout's program and no provider of its own."""
    return checkout_in(cli, Path(sys.prefix), ("kubernetes", "random"))


def refusal(cli: Cli) -> str:
    """What a preview of the selected stack says is wrong."""
    diagnostics = cli.run("preview", code=1).partition("Diagnostics:")[2]
    return diagnostics.partition("This stack cannot work as it is written:\n")[2].strip().partition("\n")[0].strip()


def test_a_stack_of_models_takes_pools_and_namespace_from_the_stack_of_the_cluster(checkout: Cli) -> None:
    init(checkout, "shared", CLUSTER)
    checkout.run("up", "--yes", "--skip-preview")
    exported = json.loads(checkout.run("stack", "output", "--json"))
    assert exported["namespace"] == "llm"
    assert [pool["name"] for pool in exported["pools"]] == ["l4", "cpu"]

    file = init(checkout, "team", MODELS)
    replicas = planned(checkout)["platform-qwen-replicas"]
    assert replicas["metadata"]["namespace"] == "llm"
    pod = replicas["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"gpu": "l4"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]

    # What the stack says of a pool itself counts more.
    initial = yaml.safe_load(file.read_text())
    changed = {**initial["config"], "modelyard:pools": [{"name": "l4", "nodeSelector": {"zone": "a"}}]}
    file.write_text(yaml.safe_dump({**initial, "config": changed}))
    pod = planned(checkout)["platform-qwen-replicas"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"gpu": "l4", "zone": "a"}

    model = {**MODELS["modelyard:models"][0], "pool": "l5"}
    file.write_text(yaml.safe_dump({**initial, "config": {**MODELS, "modelyard:models": [model]}}))
    assert refusal(checkout) == (
        "Pulumi.team.yaml, modelyard:models[0].pool: 'l5' is no node pool of this stack: write 'cpu' or 'l4', or add "
        "it to modelyard:pools"
    )


def test_a_stack_of_another_program_may_export_the_same(checkout: Cli) -> None:
    program = (checkout.project / "__main__.py").read_text()
    checkout.write(ELSEWHERE)
    init(checkout, "shared", {})
    checkout.run("up", "--yes", "--skip-preview")
    checkout.write(program)
    init(checkout, "team", MODELS)
    found = planned(checkout)
    assert found["platform-cluster"]["kubeconfig"] == "[secret]"
    assert found["platform-qwen-replicas"]["spec"]["template"]["spec"]["nodeSelector"] == {"team": "a"}


def test_a_stack_that_is_not_there_or_says_nothing_of_a_cluster_is_refused(checkout: Cli) -> None:
    init(checkout, "team", MODELS)
    said = refusal(checkout)
    assert said.startswith(
        "modelyard:cluster.stackReference: the outputs of 'organization/modelyard/shared' can't be read: "
    )
    assert said.endswith(": write a stack that `pulumi stack ls --all` shows to you")

    checkout.run("stack", "init", "shared")
    checkout.run("stack", "select", "team")
    assert refusal(checkout) == (
        "modelyard:cluster.stackReference: 'organization/modelyard/shared' has no outputs, so nothing says anything "
        "of a cluster: write modelyard:part: cluster in that stack and run `pulumi up`, or export pools, namespace or "
        "kubeconfig there"
    )
