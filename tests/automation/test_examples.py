"""The scripts in `examples/`: what they do to a stack, and with which exit code they end."""

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from examples import canary, nightly_drill, pull_request
from local.paths import CHECKOUT
from stacks import automation
from stacks.automation import Measurement, ModelMeasurement, PromotionResult, UpResult
from stacks.drill import Loss, Report, Sample
from stacks.kubectl import KubectlError
from tests.automation.conftest import Checkout

WELL = ModelMeasurement(requests=100, failed=0, ttft_p50=0.1, ttft_p95=0.2)
SLOW = replace(WELL, ttft_p95=0.3)
FAILING = replace(WELL, failed=2)
SILENT = ModelMeasurement(requests=5, failed=5, ttft_p50=None, ttft_p95=None)


EMBEDDING = replace(WELL, ttft_p50=None, ttft_p95=None)
BEFORE = Measurement({"old": WELL}, unanswered=0)


class Route:
    """A route with a canary, whose models answer as they are told to: first for a look ahead, then at each step."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *answers: Measurement | BaseException,
        before: Measurement | BaseException = BEFORE,
        faults: dict[str, BaseException] | None = None,
    ) -> None:
        self.done: list[str] = []
        self._faults = faults or {}
        self._answers = [before, *answers]
        monkeypatch.setattr(automation, "promote", self._promote)
        monkeypatch.setattr(automation, "rollback", self._rollback)
        monkeypatch.setattr(automation, "measure", self._measure)

    def _promote(self, stack: str, route: str, *, percent: int) -> PromotionResult:
        self._do(f"{stack} {route} {percent}")
        shares = {"old": 100 - percent, "new": percent}
        update = UpResult(stack=stack, changes={}, seconds=1.0)
        return PromotionResult(update, route, shares, {"old": 90, "new": 10}, patch="the patch\n")

    def _rollback(self, stack: str, route: str) -> None:
        self._do(f"{stack} {route} back")

    def _do(self, what: str) -> None:
        self.done.append(what)
        if what in self._faults:
            raise self._faults[what]

    def _measure(self, stack: str, route: str, *, seconds: float) -> Measurement:
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def seen(unanswered: int = 0, fallen_back: int = 0, unsent: int = 0, **models: ModelMeasurement) -> Measurement:
    return Measurement(models, unanswered, fallen_back, unsent)


@pytest.mark.parametrize("well", [WELL, EMBEDDING])
def test_a_canary_that_is_well_gets_everything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], well: ModelMeasurement
) -> None:
    route = Route(monkeypatch, seen(old=well, new=well), seen(old=SLOW, new=SLOW), seen(new=well))
    canary.main("prod", "chat")
    assert route.done == ["prod chat 10", "prod chat 50", "prod chat 100"]
    assert capsys.readouterr().out == "the patch\n"


@pytest.mark.parametrize(
    "worse",
    [
        seen(old=WELL, new=SLOW),
        seen(old=WELL, new=FAILING),
        seen(old=WELL, new=SILENT),
        seen(old=WELL, new=WELL, fallen_back=2),
        seen(old=WELL, new=WELL, unanswered=2),
        seen(old=WELL, new=WELL, unsent=2),
        seen(old=WELL, new=replace(WELL, requests=29)),
        seen(old=WELL),
        seen(old=WELL, chat=WELL),
    ],
)
def test_a_canary_that_is_worse_is_rolled_back(monkeypatch: pytest.MonkeyPatch, worse: Measurement) -> None:
    route = Route(monkeypatch, seen(old=WELL, new=WELL), worse)
    with pytest.raises(SystemExit) as caught:
        canary.main("prod", "chat")
    assert caught.value.code == "new was rolled back at 50 %."
    assert route.done == ["prod chat 10", "prod chat 50", "prod chat back"]


@pytest.mark.parametrize("fault", [automation.UnreachableError("It is gone.", "See."), OSError(), KeyboardInterrupt()])
def test_a_canary_that_cannot_be_watched_is_rolled_back(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    route = Route(monkeypatch, fault)
    with pytest.raises(type(fault)):
        canary.main("prod", "chat")
    assert route.done == ["prod chat 10", "prod chat back"]


@pytest.mark.parametrize(
    "fault",
    [
        automation.UpdateFailedError("It is half.", "See."),
        automation.CancelledError("It ends.", ""),
        KeyboardInterrupt(),
    ],
)
def test_a_promotion_that_fails_is_rolled_back(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    route = Route(monkeypatch, seen(old=WELL, new=WELL), faults={"prod chat 50": fault})
    with pytest.raises(type(fault)) as caught:
        canary.main("prod", "chat")
    assert caught.value is fault
    assert route.done == ["prod chat 10", "prod chat 50", "prod chat back"]


def test_a_rollback_that_fails_does_not_hide_what_it_was_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = automation.UpdateFailedError("It is half.", "See.")
    gone = automation.UnreachableError("The cluster is gone.", "Look for it.")
    Route(monkeypatch, faults={"prod chat 10": fault, "prod chat back": gone})
    with pytest.raises(automation.UpdateFailedError) as caught:
        canary.main("prod", "chat")
    assert caught.value is fault
    said = "The canary of chat still has its share, for it cannot be rolled back: The cluster is gone."
    assert said in capsys.readouterr().err


def test_nothing_is_promoted_on_a_route_that_nobody_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    route = Route(monkeypatch, before=automation.SettingsRefusedError("There is no key.", "Give one."))
    with pytest.raises(automation.SettingsRefusedError):
        canary.main("prod", "chat")
    assert route.done == []


@pytest.mark.parametrize("before", [seen(unanswered=5), seen(old=SILENT)])
def test_nothing_is_promoted_on_a_route_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, before: Measurement
) -> None:
    route = Route(monkeypatch, before=before)
    with pytest.raises(SystemExit, match="No model of chat answers"):
        canary.main("prod", "chat")
    assert route.done == []


def sample(at: float, **said: Any) -> Sample:
    known = {"seconds": 0.5, "first_byte_seconds": 0.1, "streamed": True, "status": 200, "served_by": "old"}
    return Sample(**{"at": at, "fallback_from": None, "error": None, **known, **said})


@pytest.mark.parametrize("problems", [(), ("2 of 10 requests failed",)])
def test_a_drill_leaves_a_page_and_fails_where_clients_would_notice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], problems: tuple[str, ...]
) -> None:
    samples = (sample(-1), sample(1, served_by="new", fallback_from="old"), sample(9))
    loss = Loss("chat", "old", ("new",), ("old-0",), samples, 1.5, 9.5, problems)
    held: list[str] = []

    def drill(stack: str) -> Report:
        held.append(stack)
        return Report(stack, "2026-11-23T02:00:00+00:00", (loss,))

    monkeypatch.setattr(automation, "drill", drill)
    page = tmp_path / "drill.html"
    if problems:
        with pytest.raises(SystemExit) as caught:
            nightly_drill.main("prod", page)
        assert caught.value.code == 1
    else:
        nightly_drill.main("prod", page)
    assert held == ["prod"]
    assert "old-0" in capsys.readouterr().out
    assert "old-0" in page.read_text(encoding="utf-8")


KUBECTL = """#!/bin/sh
cd {folder}
echo "$@" >> asked
case "$2" in
get) if [ -e namespace ]; then echo '{{"kind": "Namespace"}}'; fi;;
create) touch namespace;;
delete) if [ -e stuck ]; then rm stuck; echo "error: the server is busy" >&2; exit 1; fi; rm namespace;;
esac
"""
"""A cluster with at most one namespace, which cannot be deleted as long as there is a file `stuck`."""


@pytest.mark.pulumi
def test_a_platform_a_pull_request(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = tmp_path / "asked"
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text(KUBECTL.format(folder=tmp_path), encoding="utf-8")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}")
    checkout.stack("staging", cluster={"context": "tests"})
    checkout.program(
        "import pulumi\nimport pulumi_random as random\n\nrandom.RandomPassword('key', length=8)\n"
        "namespace = pulumi.Config('modelyard').require_object('cluster')['namespace']\n"
        "pulumi.export('base_url', f'http://gateway.{namespace}/v1')\n"
    )
    made = automation.Options
    monkeypatch.setattr(automation, "Options", lambda **given: made(checkout=checkout.folder, **given))
    before = checkout.files()
    pull_request.main(pull_request.Order.UP, 17)
    assert capsys.readouterr().out.splitlines()[-1] == "http://gateway.pr-17/v1"
    (tmp_path / "stuck").touch()
    with pytest.raises(KubectlError):
        pull_request.main(pull_request.Order.DOWN, 17)
    assert "delete platform: RandomPassword key" in capsys.readouterr().out
    # The same order goes on from there.
    pull_request.main(pull_request.Order.DOWN, 17)
    assert not (tmp_path / "namespace").exists()
    assert not list((checkout.state / ".pulumi" / "stacks").rglob("pr-17.json"))
    assert checkout.files() == before
    assert [line.split()[:4] for line in asked.read_text().splitlines()] == [
        ["--context=tests", "get", "namespace", "pr-17"],
        ["--context=tests", "create", "namespace", "pr-17"],
        ["--context=tests", "get", "namespace", "pr-17"],
        ["--context=tests", "delete", "namespace", "pr-17"],
        ["--context=tests", "get", "namespace", "pr-17"],
        ["--context=tests", "delete", "namespace", "pr-17"],
    ]


@pytest.mark.parametrize("script", [canary, nightly_drill, pull_request])
def test_the_command_lines_that_a_script_shows_are_its_own(script: ModuleType) -> None:
    app = typer.Typer()
    app.command()(script.main)
    shown = [line for line in (script.__doc__ or "").splitlines() if line.startswith(f"python -m {script.__name__} ")]
    assert shown
    for line in shown:
        arguments = shlex.split(line.partition(">")[0])[3:]
        typer.main.get_command(app).make_context(script.__name__, arguments)


@pytest.mark.parametrize("script", ["nightly_drill", "canary", "pull_request"])
def test_a_stack_that_is_not_there_is_told_in_a_sentence(script: str) -> None:
    arguments = {"canary": ["nope", "chat"], "pull_request": ["up", "17", "--base=nope"]}.get(script, ["nope"])
    done = subprocess.run(
        [sys.executable, "-m", f"examples.{script}", *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 9, done.stderr
    assert "'nope' is no stack: there is no file Pulumi.nope.yaml in stacks." in done.stderr
    assert "Traceback" not in done.stderr
