"""What Pulumi is asked for an operation, and what is kept of its attempts, with a Pulumi that is told its answers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stacks.automation.errors import AutomationError
from stacks.automation.events import Event, Message, Recovered
from stacks.automation.options import Options, Retries
from stacks.automation.runner import Runner
from tests.automation.scripted import Scripted

PULUMI = """#!/bin/sh
echo "$*" >> asked
case "$1" in
stack) case "$*" in
    *export*) cat exported;;
    *import*) for each; do case "$each" in --file=*) cp "${each#--file=}" exported;; esac; done;;
    esac;;
*) for each in "$1".[0-9]; do
    if [ -e "$each" ]; then mv "$each" said; cat said; grep -q '"failed"' said && exit 1; exit 0; fi
done;;
esac
"""


class Place(Scripted):
    """A state in a folder, with a Pulumi that notes what it is asked, and says what it was told to."""

    def state(self, *pending: Mapping[str, Any]) -> None:
        """What the state says."""
        said = {"deployment": {"resources": [], "pending_operations": pending}}
        (self.folder / "exported").write_text(json.dumps(said), encoding="utf-8")

    def attempt(self, number: int, *said: Mapping[str, Any], command: str = "up") -> None:
        """What Pulumi says in an attempt."""
        lines = "".join(f"{json.dumps(each)}\n" for each in said)
        (self.folder / f"{command}.{number}").write_text(lines, encoding="utf-8")

    def asked(self, command: str) -> list[str]:
        """With which arguments a command was asked for."""
        lines = (self.folder / "asked").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.startswith(f"{command} ")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A state in which nothing is under way."""
    found = Place(tmp_path)
    found.answers(PULUMI)
    found.state()
    return found


def said(severity: str, text: str) -> dict[str, Any]:
    return {"diagnosticEvent": {"severity": severity, "message": text}}


def summary(result: str, **changes: int) -> dict[str, Any]:
    return {"summaryEvent": {"result": result, "resourceChanges": changes}}


MAKING = {
    "type": "creating",
    "resource": {"urn": "urn:x", "type": "kubernetes:core/v1:Namespace", "inputs": {"metadata": {"name": "llm"}}},
}
TARGETED = Options(targets=("**Gateway**",), retries=Retries(attempts=1))


def test_everything_is_read_after_a_killed_update_whatever_the_next_one_aims_at(place: Place) -> None:
    place.state(MAKING)
    Runner(place.workspace, TARGETED, None, None).run("up")
    [refresh], [up] = place.asked("refresh"), place.asked("up")
    assert "--target" not in refresh
    assert "--target=**Gateway**" in up


def test_what_a_killed_update_was_making_is_taken_up_until_it_was_read(place: Place) -> None:
    """Or what was never made would count as made."""
    place.state(MAKING)
    before = (place.folder / "exported").read_text(encoding="utf-8")
    place.attempt(1, said("error", "the cluster does not answer"), summary("failed"), command="refresh")
    with pytest.raises(AutomationError):
        Runner(place.workspace, TARGETED, None, None).run("up")
    assert (place.folder / "exported").read_text(encoding="utf-8") == before
    heard: list[Event] = []
    Runner(place.workspace, TARGETED, heard.append, None).run("up")
    assert Recovered(("urn:x",)) in heard
    assert len(place.asked("refresh")) == 2
    assert len(place.asked("up")) == 1
    assert "pending_operations" not in (place.folder / "exported").read_text(encoding="utf-8")


def test_everything_is_read_after_an_emptied_state_whatever_the_next_update_aims_at(place: Place) -> None:
    file = place.folder / ".pulumi" / "stacks" / "sample" / "dev.json"
    file.parent.mkdir(parents=True)
    file.touch()
    file.with_name("dev.json.bak").write_text('{"checkpoint": {}}', encoding="utf-8")
    heard: list[Event] = []
    Runner(place.workspace, TARGETED, heard.append, None).run("up")
    assert [event.severity for event in heard if isinstance(event, Message)] == ["warning"]
    [refresh] = place.asked("refresh")
    assert "--target" not in refresh


def test_a_refresh_that_was_asked_for_keeps_its_targets(place: Place) -> None:
    Runner(place.workspace, TARGETED, None, None).run("refresh")
    [refresh] = place.asked("refresh")
    assert "--target=**Gateway**" in refresh


TWICE = Options(retries=Retries(attempts=2, wait_seconds=0.01))
RESET = said("error", "read: connection reset by peer")


def test_a_result_has_what_earlier_attempts_made_and_warned_of(place: Place) -> None:
    place.attempt(1, said("warning", "first"), said("warning", "both"), RESET, summary("failed", same=1, create=2))
    place.attempt(
        2, said("warning", "both"), said("warning", "second"), summary("succeeded", same=3, create=1, update=1)
    )
    result = Runner(place.workspace, TWICE, None, None).run("up").result("dev")
    assert result["attempts"] == 2
    assert result["changes"] == {"same": 3, "create": 3, "update": 1}
    assert result["warnings"] == ("first", "both", "second")


def test_what_a_failed_preview_planned_is_not_counted_twice(place: Place) -> None:
    place.attempt(1, RESET, summary("failed", create=2), command="preview")
    place.attempt(2, summary("succeeded", create=3), command="preview")
    result = Runner(place.workspace, TWICE, None, None).run("preview").result("dev")
    assert result["changes"] == {"create": 3}


MADE_MEANWHILE = """#!/bin/sh
case "$1" in
stack) echo "error: stack 'organization/sample/dev' already exists" >&2; exit 255;;
preview) if [ -e missed ]; then cat made; exit 0; fi
    touch missed; echo "error: no stack named 'dev' found" >&2; exit 255;;
esac
"""


def test_a_stack_that_somebody_else_makes_at_the_same_time_is_there(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.answers(MADE_MEANWHILE)
    (tmp_path / "made").write_text(json.dumps(summary("succeeded", create=3)), encoding="utf-8")
    result = Runner(place.workspace, Options(create=True), None, None).run("preview").result("dev")
    assert result["changes"] == {"create": 3}
