"""What a stack does on its cluster: status, models, logs, and the ways in."""

import threading
from typing import Annotated, Literal

import typer

from stacks.cli import output
from stacks.cli.exits import ExitCode
from stacks.cli.options import DEFAULT_STACK, Json, Model, Stack


def status(stack: Stack = DEFAULT_STACK, as_json: Json = False) -> None:
    """Say what models and gateway do. Ends with 1 unless all of them are ready."""
    from stacks.cli import shown
    from stacks.cli.platform.state import look
    from stacks.cli.stack import Stack as Found

    found = Found.named(stack)
    state = look(found.kubectl, found.settings)
    if as_json:
        output.document(shown.status_document(found, state))
    else:
        output.line(shown.status_table(found, state))
    if not state.is_ready:
        raise typer.Exit(ExitCode.FAILED)


def models(stack: Stack = DEFAULT_STACK, as_json: Json = False) -> None:
    """List the models, and the names that lead to them. With their weights, GPUs, replicas and fallbacks."""
    from stacks.cli import shown
    from stacks.cli.stack import settings_of

    settings = settings_of(stack)
    if as_json:
        output.document(shown.models_document(stack, settings))
    else:
        output.line(shown.models_table(settings))


def logs(
    model: Model,
    stack: Stack = DEFAULT_STACK,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    tail: Annotated[int | None, typer.Option(min=0, help="Only so many lines of each pod. Default: all.")] = None,
    previous: Annotated[bool, typer.Option(help="Of the containers before the last restart.")] = False,
    as_json: Json = False,
) -> None:
    """Print what a model's pods write. Or those of `gateway`; with several pods, each line begins with its pod."""
    from stacks.cli.logs import Wanted, lines
    from stacks.cli.stack import Stack as Found

    for entry in lines(Found.named(stack), model, Wanted(follow=follow, tail=tail, previous=previous)):
        output.record({"pod": entry.pod, "line": entry.text}) if as_json else output.line(entry.shown)


def open_page(
    page: Annotated[Literal["console", "dashboards"], typer.Argument(help="Which page.")],
    stack: Stack = DEFAULT_STACK,
    browser: Annotated[bool, typer.Option(help="Whether to start a browser.")] = True,
    as_json: Json = False,
) -> None:
    """Open Higress's console or the dashboards. Forwards a port until Ctrl-C where need be."""
    from dataclasses import asdict

    from stacks.cli.stack import Stack as Found
    from stacks.cli.ways_in import way_to

    with way_to(Found.named(stack), page) as way:
        if as_json:
            output.document(asdict(way))
        else:
            output.line(way.url, bold=True)
            if way.user:
                shows = f"pulumi stack output console_password --show-secrets --stack {stack}"
                output.note(f"User {way.user!r}; `{shows}` prints the password.")
        if browser and not as_json:
            typer.launch(way.url)
        if way.forwarded:
            output.note("The way through the cluster stays open until Ctrl-C.")
            threading.Event().wait()
