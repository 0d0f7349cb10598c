"""What is done before the first update."""

import sys
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from stacks.cli import output
from stacks.cli.exits import ExitCode
from stacks.cli.options import DEFAULT_STACK, Json, Stack, Yes


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


def init(
    name: Annotated[str | None, typer.Argument(help="The stack's name.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WEIGHTS", help="Such as Qwen/Qwen3-8B or hf://org/name@commit. Can be given several times."
        ),
    ] = None,
    gpu_model: Annotated[str | None, typer.Option(help="The nodes' label nvidia.com/gpu.product.")] = None,
    gpus_per_node: Annotated[int | None, typer.Option(min=1, help="GPUs of one node. Default: 1.")] = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="Nodes with such GPUs. Default: 1.")] = None,
    zone: Annotated[
        list[str] | None,
        typer.Option(help="A zone of the nodes, each a pool of its own. Can be given several times. Default: any."),
    ] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context. Default: its current one.")] = None,
    namespace: Annotated[str | None, typer.Option(help="The models' namespace. Default: models.")] = None,
    gateway: Annotated[Literal["envoy", "higress"] | None, typer.Option(help="The gateway. Default: envoy.")] = None,
    production: Annotated[bool | None, typer.Option(help="Whether people depend on it. Default: no.")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Write a new stack file. Asks what the options leave open; a file that is there is never touched."""
    from stacks.cli.new_stack.making import check_name, make
    from stacks.cli.new_stack.questions import Given, asked, unasked

    if name:
        check_name(name)
    given = Given(
        name,
        context,
        namespace,
        gpu_model,
        gpus_per_node,
        nodes,
        tuple(zone or ()),
        tuple(model or ()),
        gateway,
        production,
    )
    answers = asked(given) if sys.stdin.isatty() and not (yes or as_json) else unasked(given)
    file = make(answers)
    if as_json:
        output.document({"stack": answers.name, "file": str(file)})
        return
    output.line(f"{file} is written. What comes next:")
    output.line(f"  modelyard doctor --stack {answers.name}    what is still missing")
    output.line(f"  modelyard up --stack {answers.name}        shows what it makes, and asks")
