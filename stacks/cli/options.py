"""Options that commands share."""

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
Json = Annotated[
    bool,
    typer.Option("--json", callback=remember_json, help="Print one JSON document, for programs, and nothing else."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]
