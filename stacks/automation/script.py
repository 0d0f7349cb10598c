"""A script's way from its arguments to its exit code."""

import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from stacks.automation.errors import AutomationError


def script(main: Callable[..., None]) -> NoReturn:
    """Run a script's function with the arguments of the command line, and end as the commands of Modelyard end.

    Parameters become arguments, those with a default options, and the docstring the help, as with ``typer.run``. Of an
    ``AutomationError``, and of what ``kubectl`` fails of, the two sentences are printed, and its exit code is the
    script's.
    """
    import typer

    from stacks.automation.running import cluster_errors

    # A job that a pipeline cancels ends as by Ctrl-C: Pulumi finishes what is under way, and gives the lock back.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        with cluster_errors():
            app()
    except AutomationError as error:
        print(f"{error.problem}\n{error.remedy}", file=sys.stderr)  # noqa: T201 - that is what it is for
        sys.exit(error.exit_code)
    sys.exit(0)
