"""What is done before the first update."""

from dataclasses import asdict

import typer

from stacks.cli import output
from stacks.cli.exits import ExitCode
from stacks.cli.options import DEFAULT_STACK, Json, Stack


def doctor(stack: Stack = DEFAULT_STACK, as_json: Json = False) -> None:
    """Check what an update needs. Tools, stack file, login, cluster, GPUs, definitions, charts; nothing is changed."""
    from stacks.cli.doctor.examination import examine

    marks = {
        "ok": ("ok", "green"),
        "warning": ("warning", "yellow"),
        "failed": ("FAILED", "red"),
        "skipped": ("-", None),
    }
    checks = []
    for check in examine(stack):
        checks.append(check)
        if not as_json:
            mark, colour = marks[check.outcome]
            typer.secho(f"{mark:8}", fg=colour, nl=False)
            output.line(f"{check.name}: {check.seen}")
            if check.remedy:
                output.line(f"{'':8}{check.remedy}")
    failed = any(check.outcome == "failed" for check in checks)
    if as_json:
        output.document({"stack": stack, "healthy": not failed, "checks": [asdict(check) for check in checks]})
    if failed:
        raise typer.Exit(ExitCode.FAILED)
