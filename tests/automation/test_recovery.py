"""What an interrupted update leaves in the state."""

from typing import Any

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
