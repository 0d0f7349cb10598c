"""Runs verifications and drills, and prints what they find."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from stacks import automation
from stacks.cli import output
from stacks.cli.errors import CliError, Told
from stacks.cli.exits import ExitCode
from stacks.cli.progress.wording import duration
from stacks.drill import Loss, page, table
from stacks.verify import Report, Verdict

_MARKS = {"passed": ("ok", "green"), "failed": ("FAILED", "red"), "not checked": ("-", None)}


def verify(stack: str, api_key: str | None, *, as_json: bool) -> Report:
    """Print every verdict as it stands."""
    report = automation.verify(stack, api_key=api_key, on_verdict=None if as_json else _print_verdict)
    if as_json:
        output.document({"stack": stack, "passed": report.passed, **asdict(report)})
    else:
        kept = sum(verdict.outcome == "passed" for verdict in report.verdicts)
        output.line(
            f"{kept} of {len(report.verdicts)} promises were seen to be kept, {len(report.failed)} are broken, "
            f"{len(report.not_checked)} were not checked.",
            bold=True,
        )
    return report


@dataclass(frozen=True)
class Drill:
    """How a drill is held."""

    stack: str
    """The stack's name."""
    routes: tuple[str, ...]
    """The routes to ask. None: for each model one that falls back from it."""
    report: Path | None
    """Where a report in HTML goes. None: there is none."""
    rate: float
    """Requests a second."""
    recovery_seconds: float
    """How long a model may take to answer again."""
    api_key: str | None
    """A key, or a token. None: the stack's own."""


def drill(order: Drill, *, as_json: bool) -> bool:
    """Print what each loss came to, and all of them as a table. True: all of it went as promised."""
    if order.report:
        # Before pods are killed, and not after it.
        _refuse_what_cannot_be_written(order.report)
    report = automation.drill(
        order.stack,
        routes=order.routes,
        api_key=order.api_key,
        per_second=order.rate,
        recovery_seconds=order.recovery_seconds,
        on_loss=None if as_json else _print_loss,
    )
    if as_json:
        output.document({"passed": report.passed, **asdict(report)})
    else:
        output.line(table(report))
    return (not order.report or _written(order.report, page(report), as_json=as_json)) and report.passed


def _refuse_what_cannot_be_written(file: Path) -> None:
    if file.is_dir():
        raise CliError(f"--report: {file} is a folder.", "Name a file, such as drill.html.", ExitCode.USAGE)
    if not file.parent.is_dir():
        raise CliError(
            f"--report: there is no folder {file.parent} for {file.name}.", "Make it, or name another.", ExitCode.USAGE
        )
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise CliError(f"--report: {file} may not be written.", "Name a file that you may write.", ExitCode.USAGE)


def _written(file: Path, text: str, *, as_json: bool) -> bool:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = f"--report: {file} could not be written: {error.strerror}."
        # Standard output has its one document already.
        output.error(Told(problem, "What was found stands in the output.", ExitCode.FAILED), as_json=False)
        return False
    if not as_json:
        output.line(f"{file} is written.")
    return True


def _print_verdict(verdict: Verdict) -> None:
    mark, colour = _MARKS[verdict.outcome]
    about = f"{verdict.route}: " if verdict.route else ""
    output.line(f"{mark:8}{about}{verdict.what}", colour=colour if verdict.outcome == "failed" else None)
    if verdict.outcome != "passed":
        output.line(f"{'':8}{verdict.why}")


def _print_loss(loss: Loss) -> None:
    back = "did not come back" if loss.recovery_seconds is None else f"back after {duration(loss.recovery_seconds)}"
    asked = f"{len(loss.samples)} requests, {loss.failed_requests} of them failed"
    output.line(f"{loss.model} was killed ({', '.join(loss.killed)}): {asked}, {back}.")
    for problem in loss.problems:
        output.line(f"{'':8}{problem}", colour="red")
