"""What an interrupted update leaves in the state."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stacks.automation import LockedError, recovery
from stacks.automation.recovery import adopt_pending_creates, take_up
from tests.automation.scripted import Scripted


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


DEAD = 2**22 + 1
"""No process has this number, for the kernel counts to 2**22."""

PULUMI = """#!/bin/sh
echo "$1 $2" >> asked
case "$1 $2" in
"stack export") cat state; if [ -e next ]; then mv next state; fi;;
cancel*) rm .pulumi/locks/organization/sample/dev/*;;
esac
"""


class Place(Scripted):
    """A state in a folder, with a Pulumi that notes what it is asked."""

    @property
    def asked(self) -> list[str]:
        """What Pulumi was asked."""
        return (self.folder / "asked").read_text().splitlines() if (self.folder / "asked").exists() else []

    def lock(self, name: str, process: int, hostname: str) -> Path:
        """A lock that an update holds."""
        file = self.folder / ".pulumi" / "locks" / "organization" / "sample" / "dev" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        said = {"pid": process, "username": "ana", "hostname": hostname, "timestamp": "2026-11-23T05:00:00Z"}
        file.write_text(json.dumps(said), encoding="utf-8")
        return file

    def state(self, *pending: str, file: str = "state") -> None:
        """What the state says, with what was being made."""
        made = [operation("creating", "kubernetes:core/v1:Namespace", {"name": name}) for name in pending]
        said = {"deployment": {"resources": [], "pending_operations": made}}
        (self.folder / file).write_text(json.dumps(said), encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A state with a namespace that was being made."""
    found = Place(tmp_path)
    found.answers(PULUMI)
    found.state("llm")
    return found


def test_a_lock_that_comes_while_a_dead_one_is_judged_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two see the same dead lock: the first has taken its own when the second takes the dead one away."""
    dead = place.lock("dead", DEAD, socket.gethostname())
    judged: Callable[[int], bool] = recovery._is_pulumi
    live: list[Path] = []

    def judging(process: int) -> bool:
        found = judged(process)
        live.append(place.lock("live", os.getpid(), socket.gethostname()))
        return found

    monkeypatch.setattr(recovery, "_is_pulumi", judging)
    recovery.break_dead_locks(place.workspace)
    assert not dead.exists()
    assert [file.exists() for file in live] == [True]


def test_only_the_dead_of_several_locks_goes(place: Place) -> None:
    dead, other = place.lock("dead", DEAD, socket.gethostname()), place.lock("other", DEAD, "another-machine")
    recovery.break_dead_locks(place.workspace)
    assert (dead.exists(), other.exists()) == (False, True)


def test_a_lock_that_vanishes_or_says_nothing_is_no_fault(place: Place) -> None:
    empty = place.lock("empty", DEAD, socket.gethostname())
    empty.write_text("", encoding="utf-8")
    # It is listed, and is not there when it is read.
    (empty.parent / "vanished.json").symlink_to(empty.parent / "nowhere")
    recovery.break_dead_locks(place.workspace)
    assert empty.exists()


def test_the_state_is_not_read_while_another_update_has_a_lock(place: Place) -> None:
    place.lock("other", DEAD, "another-machine")
    with pytest.raises(LockedError) as caught:
        take_up(place.workspace)
    assert caught.value.problem == (
        f"The stack 'dev' is locked by another update: ana@another-machine (process {DEAD}) holds it since "
        "2026-11-23T05:00:00Z."
    )
    assert place.asked == []


def test_a_state_that_another_update_writes_meanwhile_is_left_alone(place: Place) -> None:
    place.state(file="next")
    with pytest.raises(LockedError):
        take_up(place.workspace)
    assert place.asked == ["stack export", "stack export"]


def test_a_state_that_nobody_writes_is_taken_up(place: Place) -> None:
    assert take_up(place.workspace) == ("urn:x",)
    assert place.asked == ["stack export", "stack export", "stack import"]
    repaired = json.loads((place.folder / "repaired.json").read_text())
    assert [each["id"] for each in repaired["deployment"]["resources"]] == ["llm"]
