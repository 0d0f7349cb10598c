"""Options that commands share."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from stacks.cli.output import remember_json

STACK_VARIABLE = "MODELYARD_STACK"
"""The environment variable that names the stack."""

DEFAULT_STACK = "local"
"""The stack where nobody names one, as in the Makefile: it can only reach the embedded cluster."""


def stack_names(incomplete: str) -> list[str]:
    """The stacks whose names begin so, for the shell."""
    from stacks.stack_file import names

    return [name for name in names() if name.startswith(incomplete)]


def model_names(context: typer.Context, incomplete: str) -> list[str]:
    """The models of the stack whose names begin so, for the shell."""
    from stacks.stack_file import model_names as names

    return _beginning(incomplete, names, context)


def route_names(context: typer.Context, incomplete: str) -> list[str]:
    """The names that clients may ask for and that begin so, for the shell."""
    from stacks.stack_file import route_names as names

    return _beginning(incomplete, names, context)


def _beginning(incomplete: str, names: Callable[[str], list[str]], context: typer.Context) -> list[str]:
    from stacks.settings import SettingsError

    try:
        found = names(context.params.get("stack") or DEFAULT_STACK)
    except SettingsError:
        return []
    return [name for name in dict.fromkeys(found) if name.startswith(incomplete)]


Stack = Annotated[
    str,
    typer.Option(
        "--stack",
        "-s",
        envvar=STACK_VARIABLE,
        metavar="NAME",
        autocompletion=stack_names,
        help="The stack, by the name in stacks/Pulumi.NAME.yaml.",
    ),
]
Model = Annotated[str, typer.Argument(metavar="MODEL", autocompletion=model_names, help="A model of the stack.")]
Route = Annotated[
    str,
    typer.Argument(metavar="MODEL", autocompletion=route_names, help="The `model` of a request: one of the routes."),
]
Json = Annotated[
    bool,
    typer.Option("--json", callback=remember_json, help="Print one JSON document, for programs, and nothing else."),
]
ApiKey = Annotated[
    str | None,
    typer.Option(envvar="MODELYARD_API_KEY", show_envvar=True, help="Key or token, where the stack has consumers."),
]
Headers = Annotated[
    list[str] | None,
    typer.Option(
        "--header", metavar="'NAME: VALUE'", help="A header that the route asks for. Can be given several times."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]


def headers_of(given: list[str] | None) -> dict[str, str]:
    """The headers that were given, by their names in lower case.

    Raises:
        typer.BadParameter: when one is none.
    """
    headers = {}
    for each in given or ():
        name, colon, value = each.partition(":")
        if not (colon and name.strip() and value.strip() and each.isascii()):
            raise typer.BadParameter(
                f"{each!r} is no header: write it as 'name: value', in ASCII", param_hint="--header"
            )
        headers[name.strip().lower()] = value.strip()
    return headers


def check_somebody_is_there(as_json: bool) -> None:
    """Refuse to ask where nobody answers.

    Raises:
        typer.BadParameter: when programs read what is printed, or there is no terminal.
    """
    if as_json or not sys.stdin.isatty():
        raise typer.BadParameter("there is nobody here to ask: write --yes, and nothing is asked", param_hint="--yes")
