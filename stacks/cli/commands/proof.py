"""Whether the gateway keeps its promises: asked, or tried by killing pods."""

from pathlib import Path
from typing import Annotated

import typer

from stacks.cli import output
from stacks.cli.exits import ExitCode
from stacks.cli.options import DEFAULT_STACK, ApiKey, Json, Stack, Yes, check_somebody_is_there


def verify(stack: Stack = DEFAULT_STACK, api_key: ApiKey = None, as_json: Json = False) -> None:
    """Ask the gateway whether it keeps its promises. Nothing is changed; ends with 1 if it breaks one."""
    from stacks.cli import proof

    report = proof.verify(stack, api_key, as_json=as_json)
    if report.through is None:
        raise typer.Exit(ExitCode.UNREACHABLE)
    if not report.passed:
        raise typer.Exit(ExitCode.FAILED)


def drill(
    stack: Stack = DEFAULT_STACK,
    route: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="Routes to ask. Can be given several times. Default: each model's."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report with charts here, in HTML.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Requests a second.")] = 2.0,
    recovery_seconds: Annotated[float, typer.Option(min=1, help="How long a model may take to come back.")] = 900.0,
    api_key: ApiKey = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Kill models' pods, and see what clients notice. For real, one model after the other; asks first."""
    from stacks.cli import proof

    if not yes:
        check_somebody_is_there(as_json)
        if not typer.confirm(f"Kill the pods of models of the stack {stack!r}, one model after the other?"):
            output.line("Nothing was killed.")
            raise typer.Exit(ExitCode.FAILED)
    order = proof.Drill(stack, tuple(route or ()), report, rate, recovery_seconds, api_key)
    if not proof.drill(order, as_json=as_json):
        raise typer.Exit(ExitCode.FAILED)
