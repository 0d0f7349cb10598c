"""The command line as a whole: its commands, and what becomes of their errors."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from stacks.cli import output
from stacks.cli.commands import COMMANDS
from stacks.cli.errors import TRACEBACK, told
from stacks.cli.exits import ExitCode


class Commands(TyperGroup):
    """The commands. An error of any of them becomes a sentence, the next step and an exit code."""

    def main(self, *args: Any, **given: Any) -> Any:
        """Read the command line and run the command."""
        try:
            return super().main(*args, **given)
        except OSError as error:
            # Help, or the document of an error, that standard output has no room for.
            if os.environ.get(TRACEBACK):
                raise
            said = told(error)
            output.error(said, as_json=False)
            sys.exit(said.code)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.TyperException, BrokenPipeError):
            raise
        except (KeyboardInterrupt, typer.Abort) as interruption:
            if isinstance(interruption, typer.Abort):
                # The cursor still stands behind the question.
                typer.echo(err=True)
            typer.echo("Interrupted.", err=True)
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except Exception as error:
            if os.environ.get(TRACEBACK):
                raise
            said = told(error)
            output.error(said, as_json=output.wants_json(ctx))
            raise typer.Exit(said.code) from None


app = typer.Typer(
    cls=Commands,
    help="Put an LLM serving platform on a Kubernetes cluster, look at it, and prove that it works.",
    no_args_is_help=True,
    # A command of its own prints what shells need; only what they ask then takes this.
    add_completion="_MODELYARD_COMPLETE" in os.environ,
    pretty_exceptions_enable=False,
    # Help in plain lines: what renders it otherwise takes longer to load than everything else here.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command in COMMANDS.items():
    app.command(name)(command)
