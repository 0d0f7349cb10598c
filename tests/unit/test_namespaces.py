"""The namespaces that the program makes, and the Pod Security standard of each."""

from typing import Any

import pytest

from components.manifests.higress import chart
from components.manifests.llmaz import release as llmaz
from components.manifests.multi_node import release as multi_node
from stacks.settings import StackSettings, load


def stack(**changes: Any) -> StackSettings:
    models = [{"name": "qwen", "source": "hf://o/r", "pool": "gpu"}]
    return load({"pools": [{"name": "gpu"}], "models": models, **changes})


def standard(namespace: dict[str, Any]) -> str:
    """The standard of a namespace, which is enforced and told of alike."""
    (found,) = set(namespace["metadata"]["labels"].values())
    assert set(namespace["metadata"]["labels"]) == {
        f"pod-security.kubernetes.io/{mode}" for mode in ("enforce", "audit", "warn")
    }
    return str(found)


@pytest.mark.parametrize(
    ("gateway", "expected"),
    [
        ({}, "baseline"),
        ({"hostNetwork": True, "networkPolicy": False, "service": {"type": "ClusterIP"}}, "privileged"),
        ({"values": {"global": {"local": True}}}, "privileged"),
        ({"values": {"global": {"local": False}}}, "baseline"),
    ],
)
def test_higress_keeps_to_baseline_unless_it_reaches_for_its_nodes(gateway: dict[str, Any], expected: str) -> None:
    found = chart.namespace(stack(gateway={"kind": "higress", "namespace": "edge", **gateway}))
    assert (found["kind"], found["metadata"]["name"], standard(found)) == ("Namespace", "edge", expected)


@pytest.mark.parametrize(("values", "expected"), [({}, "baseline"), ({"prometheus": {"enabled": True}}, "privileged")])
def test_llmaz_keeps_to_baseline_unless_its_chart_brings_more(values: dict[str, Any], expected: str) -> None:
    assert standard(llmaz.namespace(stack(llmaz={"values": values}))) == expected


def test_leader_worker_set_keeps_to_baseline() -> None:
    assert standard(multi_node.namespace()) == "baseline"
