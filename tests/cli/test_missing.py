"""What is asked for is not there, though the stack file can work: exit code 9."""

import json
from contextlib import nullcontext

import pytest

from stacks import stack_file
from stacks.automation import promotion, running
from stacks.cli.exits import ExitCode
from stacks.settings import StackSettings
from tests.cli.conftest import CONFIG, Stacks, run

CANARY = {"model": "chat", "upstreams": [{"model": "qwen", "weight": 90}, {"model": "gemma", "weight": 10}]}


@pytest.mark.parametrize("command", ["verify", "drill --yes"])
def test_a_stack_that_is_not_up(mine: Stacks, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(running, "opened", lambda *_: nullcontext())
    monkeypatch.setattr(running, "_outputs", lambda *_: {})
    shown = run(*command.split(), "--json")
    assert shown.exit_code == ExitCode.NOT_FOUND
    error = json.loads(shown.stdout)["error"]
    assert error["problem"] == "The stack 'mine' has no output 'base_url', so there is no gateway to ask."
    assert error["remedy"].startswith("Bring it up first.")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("nope", "The stack 'mine' has no route 'nope' with several upstreams, so there are no shares to move."),
        ("chat --to nope", "'nope' is no upstream of the route 'chat'."),
        ("chat --to gemma", "The stack 'mine' is not up, so its route 'chat' has no shares yet."),
    ],
)
@pytest.mark.parametrize("command", ["promote", "rollback"])
def test_no_such_route_or_model_and_no_shares(
    mine: Stacks, monkeypatch: pytest.MonkeyPatch, command: str, arguments: str, problem: str
) -> None:
    settings = StackSettings.model_validate({**CONFIG, "routes": [CANARY]})
    monkeypatch.setattr(promotion, "settings_of_file", lambda *_: settings)
    monkeypatch.setattr(promotion, "stack_file", lambda *_: stack_file.FOLDER / "Pulumi.mine.yaml")
    monkeypatch.setattr(promotion, "outputs", lambda *_, **__: {})
    shown = run(command, *arguments.split(), "--yes")
    assert shown.exit_code == ExitCode.NOT_FOUND
    assert problem in shown.stderr
