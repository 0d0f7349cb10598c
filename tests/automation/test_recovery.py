"""What an interrupted update leaves in the state."""

from typing import Any

import pytest

from stacks.automation.recovery import adopt_pending_creates


def operation(kind: str, resource_type: str, metadata: dict[str, str]) -> dict[str, Any]:
    return {"type": kind, "resource": {"urn": "urn:x", "type": resource_type, "inputs": {"metadata": metadata}}}


def test_objects_that_were_being_made_are_adopted_by_their_names() -> None:
    pending = [
        operation("creating", "kubernetes:apps/v1:StatefulSet", {"name": "third", "namespace": "llm"}),
        operation("creating", "kubernetes:core/v1:Namespace", {"name": "llm"}),
    ]
    state: dict[str, Any] = {"deployment": {"resources": [{"urn": "urn:kept"}], "pending_operations": pending}}
    adopt_pending_creates(state)
    assert [resource.get("id") for resource in state["deployment"]["resources"]] == [None, "llm/third", "llm"]
    assert state["deployment"]["resources"][1]["outputs"] == {"metadata": {"name": "third", "namespace": "llm"}}
    assert "pending_operations" not in state["deployment"]


def test_other_pending_operations_are_dropped() -> None:
    pending = [
        operation("updating", "kubernetes:core/v1:Service", {"name": "a", "namespace": "b"}),
        operation("creating", "random:index/randomPassword:RandomPassword", {}),
    ]
    state: dict[str, Any] = {"deployment": {"resources": [], "pending_operations": pending}}
    adopt_pending_creates(state)
    assert state["deployment"] == {"resources": []}


RELEASE = "kubernetes:helm.sh/v3:Release"


def test_a_helm_release_that_was_being_made_is_adopted_by_its_own_name() -> None:
    inputs = {"name": "monitoring", "namespace": "llm", "chart": "prometheus", "values": {"metadata": {"name": "x"}}}
    pending = [{"type": "creating", "resource": {"urn": "urn:release", "type": RELEASE, "inputs": inputs}}]
    state: dict[str, Any] = {"deployment": {"resources": [], "pending_operations": pending}}
    assert adopt_pending_creates(state) == ["urn:release"]
    assert state["deployment"]["resources"] == [
        {"urn": "urn:release", "type": RELEASE, "inputs": inputs, "id": "llm/monitoring", "outputs": inputs}
    ]


@pytest.mark.parametrize(
    ("resource_type", "inputs"),
    [
        (RELEASE, {"chart": "prometheus", "namespace": "llm"}),
        ("kubernetes:core/v1:ConfigMap", {}),
        ("kubernetes:core/v1:ConfigMap", None),
        ("kubernetes:core/v1:ConfigMap", {"metadata": {"namespace": "llm"}}),
        ("kubernetes:core/v1:ConfigMap", {"metadata": {"name": {"4dabf18193072939515e22adb298388d": "1b47"}}}),
    ],
)
def test_what_has_no_name_is_dropped(resource_type: str, inputs: dict[str, Any] | None) -> None:
    pending = [{"type": "creating", "resource": {"urn": "urn:x", "type": resource_type, "inputs": inputs}}]
    state: dict[str, Any] = {"deployment": {"resources": [], "pending_operations": pending}}
    assert adopt_pending_creates(state) == []
    assert state["deployment"] == {"resources": []}
