"""promote, rollback and recover, with the operations themselves played."""

import json
from typing import Any

import pytest

from stacks import automation
from stacks.automation import PromotionResult, Recovered, UpResult
from stacks.cli.exits import ExitCode
from tests.cli.conftest import Stacks, run

UPDATE = UpResult("mine", {"update": 1, "same": 9}, 2.0)
PATCH = "--- a/stacks/Pulumi.mine.yaml\n+++ b/stacks/Pulumi.mine.yaml\n@@ -1 +1 @@\n-weight: 90\n+weight: 50\n"
MOVED = PromotionResult(UPDATE, "chat", {"old": 50, "new": 50}, {"old": 90, "new": 10}, PATCH)


@pytest.fixture
def asked(mine: Stacks, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was asked for."""
    calls: list[dict[str, Any]] = []

    def play(name: str) -> None:
        def played(stack: str, route: str, **given: Any) -> PromotionResult:
            options = given.pop("options")
            calls.append({"name": name, "stack": stack, "route": route, "message": options.message, **given})
            return MOVED

        monkeypatch.setattr(automation, name, played)

    play("promote")
    play("rollback")
    return calls


def said(call: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in call.items() if key not in {"on_event", "cancelled"}}


def test_a_canary_is_promoted(asked: list[dict[str, Any]]) -> None:
    shown = run("promote", "chat", "--percent", "50", "--to", "new", "--header", "X-Group: b", "--yes", "-m", "why")
    assert shown.exit_code == ExitCode.OK
    assert shown.stdout == (
        "Updated, in 2.0s: 9 unchanged, 1 updated.\n"
        "The route 'chat' goes to old 50 %, new 50 %.\n"
        "Updates keep that, and warn, as long as the stack's files say old 90 %, new 10 %.\n"
        f"What to commit instead, for `git apply`:\n{PATCH}"
    )
    given = {"stack": "mine", "route": "chat", "to": "new", "percent": 50, "headers": {"x-group": "b"}}
    assert [said(call) for call in asked] == [{"name": "promote", "message": "why", **given}]


def test_a_canary_is_rolled_back(asked: list[dict[str, Any]]) -> None:
    assert run("rollback", "chat", "--yes").exit_code == ExitCode.OK
    given: dict[str, Any] = {"stack": "mine", "route": "chat", "to": None, "headers": {}, "message": None}
    assert [said(call) for call in asked] == [{"name": "rollback", **given}]


@pytest.mark.parametrize("command", ["promote", "rollback"])
def test_a_promotion_for_programs(asked: list[dict[str, Any]], command: str) -> None:
    assert json.loads(run(command, "chat", "--yes", "--json").stdout) == {
        "stack": "mine",
        "changed": True,
        "changes": {"update": 1, "same": 9},
        "seconds": 2.0,
        "attempts": 1,
        "warnings": [],
        "violations": [],
        "route": "chat",
        "shares": {"old": 50, "new": 50},
        "written": {"old": 90, "new": 10},
        "patch": PATCH,
    }


@pytest.mark.parametrize("command", ["promote", "rollback"])
@pytest.mark.parametrize("wrong", [[], ["--json"], ["--header", "x-group", "--yes"]])
def test_nothing_is_moved_by_a_command_line_that_is_wrong(
    asked: list[dict[str, Any]], command: str, wrong: list[str]
) -> None:
    assert run(command, "chat", *wrong).exit_code == ExitCode.USAGE
    assert asked == []


def test_a_share_that_is_none(asked: list[dict[str, Any]]) -> None:
    assert run("promote", "chat", "--percent", "101", "--yes").exit_code == ExitCode.USAGE
    assert asked == []


def test_a_route_without_a_canary(mine: Stacks) -> None:
    shown = run("promote", "qwen", "--yes", stack="local")
    assert shown.exit_code == ExitCode.NOT_FOUND
    assert "has no route 'qwen' with several upstreams, so there are no shares to move." in shown.stderr


@pytest.mark.parametrize("adopted", [(), ("urn:pulumi:mine::modelyard::a$kubernetes:core/v1:Secret::keys",)])
def test_what_a_killed_update_left(mine: Stacks, monkeypatch: pytest.MonkeyPatch, adopted: tuple[str, ...]) -> None:
    def recover(stack: str, *, options: automation.Options, on_event: Any) -> tuple[str, ...]:
        if adopted:
            on_event(Recovered(adopted))
        return adopted

    monkeypatch.setattr(automation, "recover", recover)
    free = "The stack 'mine' is free for the next update: nothing is left of one that was killed.\n"
    shown = run("recover")
    assert shown.exit_code == ExitCode.OK
    assert shown.stdout.endswith(f"kubernetes:core/v1:Secret::keys\n{free}" if adopted else free)
    assert ("1 objects that it was making" in shown.stdout) == bool(adopted)
    assert json.loads(run("recover", "--json").stdout) == {"stack": "mine", "adopted": list(adopted)}


def test_an_update_that_still_runs_is_not_disturbed(mine: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    def recover(stack: str, **_: Any) -> tuple[str, ...]:
        raise automation.LockedError("The stack 'mine' is locked: ana holds it.", "Wait for its end.")

    monkeypatch.setattr(automation, "recover", recover)
    assert run("recover").exit_code == ExitCode.LOCKED
