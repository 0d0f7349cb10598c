"""verify and drill, with what is found played."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from stacks import automation
from stacks.cli.exits import ExitCode
from stacks.drill import Loss
from stacks.drill import Report as Drilled
from stacks.verify import Report, Verdict
from tests.cli.conftest import Stacks, run

PLAIN = Verdict("plain", "qwen", "an answer of qwen", "passed", "200")
BROKEN = Verdict("streamed", "qwen", "a stream of qwen", "failed", "it had no [DONE]")
UNKNOWN = Verdict("auth", None, "no key is refused", "not checked", "there are no consumers")
LOSS = Loss(
    route="qwen",
    model="qwen",
    fallback=("gemma",),
    killed=("qwen-0",),
    samples=(),
    first_fallback_seconds=0.2,
    recovery_seconds=30.0,
    problems=(),
)


def verified(monkeypatch: pytest.MonkeyPatch, *verdicts: Verdict) -> None:
    def verify(stack: str, *, api_key: str | None, on_verdict: Any) -> Report:
        assert (stack, api_key) == ("mine", "key")
        for verdict in verdicts if on_verdict else ():
            on_verdict(verdict)
        return Report("base_url", verdicts)

    monkeypatch.setattr(automation, "verify", verify)


def test_a_stack_that_keeps_its_promises(mine: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    verified(monkeypatch, PLAIN, UNKNOWN)
    shown = run("verify", "--api-key", "key")
    assert shown.exit_code == ExitCode.OK
    assert shown.stdout == (
        "ok      qwen: an answer of qwen\n"
        "-       no key is refused\n"
        "        there are no consumers\n"
        "1 of 2 promises were seen to be kept, 0 are broken, 1 were not checked.\n"
    )


def test_a_stack_that_breaks_one(mine: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    verified(monkeypatch, PLAIN, BROKEN)
    shown = run("verify", "--api-key", "key")
    assert shown.exit_code == ExitCode.FAILED
    assert "FAILED  qwen: a stream of qwen\n        it had no [DONE]\n" in shown.stdout


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_gateway_that_is_not_reached(mine: Stacks, monkeypatch: pytest.MonkeyPatch, as_json: list[str]) -> None:
    monkeypatch.setattr(automation, "verify", lambda *_, **__: Report(None, (BROKEN,)))
    assert run("verify", *as_json).exit_code == ExitCode.UNREACHABLE


def test_verdicts_for_programs(mine: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    verified(monkeypatch, BROKEN)
    shown = run("verify", "--json", "--api-key", "key")
    assert shown.exit_code == ExitCode.FAILED
    assert json.loads(shown.stdout) == {
        "stack": "mine",
        "passed": False,
        "through": "base_url",
        "verdicts": [
            {
                "check": "streamed",
                "route": "qwen",
                "what": "a stream of qwen",
                "outcome": "failed",
                "why": "it had no [DONE]",
            }
        ],
    }


@pytest.fixture
def drilled(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The drills that were asked for."""
    asked: list[dict[str, Any]] = []

    def drill(stack: str, *, on_loss: Any, **given: Any) -> Drilled:
        asked.append(given)
        if on_loss:
            on_loss(LOSS)
        return Drilled(stack, "2026-01-01T00:00:00Z", (LOSS,))

    monkeypatch.setattr(automation, "drill", drill)
    return asked


def test_a_drill(mine: Stacks, drilled: list[dict[str, Any]], tmp_path: Path) -> None:
    shown = run("drill", "--yes", "--route", "qwen", "--rate", "5", "--report", str(tmp_path / "drill.html"))
    assert shown.exit_code == ExitCode.OK
    assert shown.stdout.startswith("qwen was killed (qwen-0): 0 requests, 0 of them failed, back after 30.0s.\n| route")
    assert (tmp_path / "drill.html").read_text().startswith("<!doctype html>")
    assert drilled == [{"routes": ("qwen",), "api_key": None, "per_second": 5.0, "recovery_seconds": 900.0}]


def test_a_drill_for_programs(mine: Stacks, drilled: list[dict[str, Any]]) -> None:
    found = json.loads(run("drill", "--yes", "--json").stdout)
    assert (found["passed"], found["stack"], found["losses"][0]["killed"]) == (True, "mine", ["qwen-0"])


@pytest.mark.parametrize("as_json", [False, True])
def test_what_a_drill_found_is_printed_where_its_report_finds_no_room(
    mine: Stacks, drilled: list[dict[str, Any]], as_json: bool
) -> None:
    shown = run("drill", "--yes", "--report", "/dev/full", *(["--json"] if as_json else []))
    assert shown.exit_code == ExitCode.FAILED
    if as_json:
        assert json.loads(shown.stdout)["passed"]
    else:
        assert "| route" in shown.stdout
        assert "is written" not in shown.stdout
    assert shown.stderr == (
        "--report: /dev/full could not be written: No space left on device.\nWhat was found stands in the output.\n"
    )


def test_nothing_is_killed_for_a_report_that_may_not_be_written(
    mine: Stacks, drilled: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = run("drill", "--yes", "--report", str(tmp_path / "gone" / "drill.html"))
    assert gone.exit_code == ExitCode.USAGE
    assert gone.stderr == f"--report: there is no folder {tmp_path}/gone for drill.html.\nMake it, or name another.\n"
    # Root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    refused = run("drill", "--yes", "--report", str(tmp_path / "drill.html"))
    assert refused.exit_code == ExitCode.USAGE
    assert "may not be written" in refused.stderr
    assert drilled == []


def test_nothing_is_killed_unasked_or_without_a_place_for_the_report(
    mine: Stacks, drilled: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert run("drill").exit_code == ExitCode.USAGE
    assert run("drill", "--yes", "--report", str(tmp_path)).exit_code == ExitCode.USAGE
    assert drilled == []
