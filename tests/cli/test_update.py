"""up, preview, refresh and destroy, with the operations themselves played."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stacks import automation
from stacks.automation import (
    Component,
    DestroyResult,
    Done,
    Event,
    Finished,
    LockedError,
    Message,
    Options,
    Planned,
    PolicyViolated,
    PreviewResult,
    RefreshResult,
    Resource,
    Retrying,
    Started,
    UpResult,
    running,
)
from stacks.cli.exits import ExitCode
from tests.cli.conftest import Cluster, Stacks, gateway_pod, pod, run

MODEL = Component("NativeModelService", "qwen")
STATEFUL_SET = Resource("urn:set", "kubernetes:apps/v1:StatefulSet", "platform-qwen", MODEL)
ITSELF = Resource("urn:itself", "modelyard:index:NativeModelService", "platform-qwen", MODEL)


@dataclass
class Operations:
    """What stands in for Pulumi."""

    events: list[Event] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    asked: list[tuple[str, str, Options]] = field(default_factory=list)

    def run(
        self,
        name: str,
        stack: str,
        *,
        options: Options,
        on_event: Callable[[Event], None] | None = None,
        cancelled: threading.Event,
    ) -> Any:
        """Tell the events, and end as wanted."""
        self.asked.append((name, stack, options))
        for event in self.events:
            if on_event:
                on_event(event)
        if self.error:
            raise self.error
        return self.results[name]


@pytest.fixture
def operations(mine: Stacks, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Operations:
    played = Operations()
    played.results = {
        "preview": PreviewResult("mine", {"same": 3}, 1.0),
        "up": UpResult("mine", {"create": 2, "same": 1}, 65.0, outputs={"base_url": "http://llm.example.com/v1"}),
        "refresh": RefreshResult("mine", {"same": 3}, 1.0),
        "destroy": DestroyResult("mine", {"delete": 3}, 2.0),
    }
    for name in played.results:

        def operation(stack: str, name: str = name, **given: Any) -> Any:
            return played.run(name, stack, **given)

        monkeypatch.setattr(automation, name, operation)
    cluster.has("pods", pod("qwen-0"), pod("gemma-0", "gemma"), gateway_pod())
    cluster.has("events")
    return played


PLAN = PreviewResult(
    "mine",
    {"create": 2, "update": 1, "same": 4},
    3.0,
    warnings=("too few GPUs",),
    violations=(PolicyViolated("pinned-images", "modelyard", False, "use a digest"),),
    steps=(
        Planned(ITSELF, "create"),
        Planned(STATEFUL_SET, "create"),
        Planned(Resource("urn:s", "kubernetes:core/v1:Service", "platform-qwen", MODEL), "update", ("spec.ports",)),
    ),
)


def test_a_preview(operations: Operations) -> None:
    operations.results["preview"] = PLAN
    shown = run("preview", "--refresh", "--policy-pack", "policies")
    assert shown.exit_code == ExitCode.OK
    assert shown.stdout == (
        "+ create   StatefulSet              platform-qwen\n"
        "~ update   Service                  platform-qwen  (spec.ports)\n"
        "warning: too few GPUs\n"
        "advice of policy pinned-images: use a digest\n"
        "An update would leave the cluster so, in 3.0s: 2 created, 4 unchanged, 1 updated.\n"
    )
    ((name, stack, options),) = operations.asked
    assert (name, stack, options.refresh, [str(pack) for pack in options.policy_packs]) == (
        "preview",
        "mine",
        True,
        ["policies"],
    )


@pytest.mark.parametrize("command", ["preview", "up --yes"])
def test_parameters_of_policy_packs(
    operations: Operations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for pack, text in {"a": '{"all": "advisory"}', "b": ""}.items():
        Path(pack).mkdir()
        Path(pack, "PulumiPolicy.yaml").touch()
        Path(f"{pack}.json").write_text(text)
    packs = "--policy-pack a --policy-pack-config a.json --policy-pack b --policy-pack-config b.json"
    assert run(*command.split(), *packs.split()).exit_code == ExitCode.OK
    ((_, _, options),) = operations.asked
    assert [str(pack) for pack in options.policy_packs] == ["a", "b"]
    assert [str(file) for file in options.policy_pack_configs] == ["a.json", "b.json"]


def test_a_preview_of_what_is_there_already(operations: Operations) -> None:
    assert run("preview").stdout == "Nothing would change.\n"
    assert run("preview", "--expect-no-changes").exit_code == ExitCode.OK
    operations.results["preview"] = PLAN
    assert run("preview", "--expect-no-changes").exit_code == ExitCode.FAILED


def test_a_preview_for_programs(operations: Operations) -> None:
    operations.results["preview"] = PLAN
    found = json.loads(run("preview", "--json").stdout)
    assert found == {
        "stack": "mine",
        "changed": True,
        "changes": {"create": 2, "update": 1, "same": 4},
        "seconds": 3.0,
        "attempts": 1,
        "warnings": ["too few GPUs"],
        "violations": [{"policy": "pinned-images", "pack": "modelyard", "text": "use a digest"}],
        "steps": [
            {
                "operation": "create",
                "type": "kubernetes:apps/v1:StatefulSet",
                "name": "platform-qwen",
                "urn": "urn:set",
                "component": {"kind": "NativeModelService", "name": "qwen"},
                "changes": [],
            },
            {
                "operation": "update",
                "type": "kubernetes:core/v1:Service",
                "name": "platform-qwen",
                "urn": "urn:s",
                "component": {"kind": "NativeModelService", "name": "qwen"},
                "changes": ["spec.ports"],
            },
        ],
    }


UPDATE: list[Event] = [
    Started(STATEFUL_SET, "create"),
    Message("warning", "too few GPUs"),
    Retrying(2, 3, 5.0, "The cluster did not answer."),
    Done(STATEFUL_SET, "create"),
    Finished(True, {"create": 1}, 5.0),
]


def test_an_update_says_what_happens_and_how_to_reach_it(operations: Operations) -> None:
    operations.events = UPDATE
    shown = run("up", "--yes", "--message", "why", "--parallel", "3")
    assert shown.exit_code == ExitCode.OK
    lines = [re.sub(r"^ +\d+\.\ds  ", "", line) for line in shown.stdout.splitlines()]
    assert lines == [
        "warning: too few GPUs",
        "The cluster did not answer.",
        "Trying again in 5 s, attempt 2 of 3.",
        "model qwen: done in 0.0s, 1 resource",
        "Updated, in 1m 05s: 2 created, 1 unchanged.",
        "Clients use http://llm.example.com/v1",
    ]
    ((_, _, options),) = operations.asked
    assert (options.message, options.parallel) == ("why", 3)


def test_an_update_without_a_terminal_has_no_control_codes(operations: Operations) -> None:
    operations.events = UPDATE
    shown = run("up", "--yes")
    assert "\x1b" not in shown.output
    assert "\r" not in shown.output


def test_an_update_for_programs(operations: Operations) -> None:
    operations.events = UPDATE
    shown = run("up", "--yes", "--json")
    assert json.loads(shown.stdout) == {
        "stack": "mine",
        "changed": True,
        "changes": {"create": 2, "same": 1},
        "seconds": 65.0,
        "attempts": 1,
        "warnings": [],
        "violations": [],
        "outputs": {"base_url": "http://llm.example.com/v1"},
    }
    assert "model qwen: done" in shown.stderr


@pytest.mark.parametrize(
    "said", [{"stackReference": "org/infrastructure/prod"}, {"kubeconfigContents": {"secure": "v1:abc:def"}}]
)
def test_an_update_of_a_cluster_that_nobody_can_say_does_without_its_pods(
    operations: Operations, mine: Stacks, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    def refused(stack: str, options: Options) -> Any:
        raise automation.StackMissingError("Pulumi knows no stack 'mine'.", "Make it.")

    monkeypatch.setattr(running, "readable_settings", refused)
    mine.write(cluster=said)
    operations.events = UPDATE
    shown = run("up", "--yes")
    assert shown.exit_code == ExitCode.OK
    assert "What pods do is not shown: Pulumi alone " in shown.stderr
    assert ", and it cannot be asked: Pulumi knows no stack 'mine'.\n" in shown.stderr
    assert "Clients use http://llm.example.com/v1" in shown.stdout
    assert cluster.asked == []


@pytest.mark.parametrize("command", ["up", "destroy"])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_nobody_is_there_to_be_asked(operations: Operations, command: str, as_json: list[str]) -> None:
    shown = run(command, *as_json)
    assert shown.exit_code == ExitCode.USAGE
    assert "there is nobody here to ask: write --yes, and nothing is asked" in shown.stderr
    assert operations.asked == []


def test_refresh_and_destroy(operations: Operations) -> None:
    assert run("refresh").stdout == "Read, in 1.0s: 3 unchanged.\n"
    assert run("destroy", "--yes", "--remove").stdout == "Destroyed, in 2.0s: 3 deleted.\n"
    assert operations.asked[1][2].remove
    assert json.loads(run("destroy", "--yes", "--json").stdout)["changes"] == {"delete": 3}


@pytest.mark.parametrize("command", ["preview", "refresh", "up --yes", "destroy --yes"])
def test_a_stack_that_somebody_else_updates(operations: Operations, command: str) -> None:
    operations.error = LockedError("The stack 'mine' is locked: ana holds it.", "Wait for its end.")
    shown = run(*command.split())
    assert shown.exit_code == ExitCode.LOCKED
    assert shown.stderr == "The stack 'mine' is locked: ana holds it.\nWait for its end.\n"


EXIT_CODES = {
    automation.AutomationError: ExitCode.FAILED,
    automation.UpdateFailedError: ExitCode.UPDATE_FAILED,
    automation.SettingsRefusedError: ExitCode.SETTINGS,
    automation.MissingToolError: ExitCode.MISSING_TOOL,
    automation.UnreachableError: ExitCode.UNREACHABLE,
    automation.CredentialsError: ExitCode.CREDENTIALS,
    automation.LockedError: ExitCode.LOCKED,
    automation.PassphraseError: ExitCode.CREDENTIALS,
    automation.StackMissingError: ExitCode.NOT_FOUND,
    automation.ObjectMissingError: ExitCode.NOT_FOUND,
    automation.PolicyViolatedError: ExitCode.FAILED,
    automation.CancelledError: ExitCode.INTERRUPTED,
}


def test_every_error_of_an_operation_has_its_exit_code() -> None:
    def below(kind: type[automation.AutomationError]) -> set[type[automation.AutomationError]]:
        return {kind}.union(*(below(each) for each in kind.__subclasses__()))

    assert below(automation.AutomationError) <= EXIT_CODES.keys()
    for kind, code in EXIT_CODES.items():
        assert kind.exit_code == code
