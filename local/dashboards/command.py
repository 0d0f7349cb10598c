"""`make dashboards`: what the cluster is monitored with, and the page that shows it."""

from contextlib import suppress
from threading import Event

from rich.console import Console

from local import monitoring
from local.dashboards.page import served
from local.errors import LocalError
from local.extras import prepare_monitoring
from local.paths import Paths
from local.progress import reporting


def show(paths: Paths, console: Console, port: int) -> None:
    """Start the Prometheus where it does not run, and serve the page until somebody interrupts.

    Raises:
        LocalError: when something cannot be built, the cluster has no dashboards, or the port is taken.
    """
    with reporting(console) as reporter:
        prepare_monitoring(paths, reporter)
    monitoring.start(paths, lambda line: console.print(line, style="dim"))
    found = monitoring.dashboards(paths)
    if not found:
        raise LocalError(
            "No stack has made dashboards in the embedded cluster.",
            "Run `make up` for the local stack, or `make demo`, and then the same command again.",
        )
    try:
        with served(found, monitoring.PROMETHEUS, port=port) as page:
            console.print(f"{len(found)} dashboards at {page}, by the Prometheus at {monitoring.PROMETHEUS}.")
            console.print(
                "What is new takes a minute to be recorded. Ctrl+C ends the page, not Prometheus.", style="dim"
            )
            with suppress(KeyboardInterrupt):
                Event().wait()
    except OSError as error:
        raise LocalError(
            f"The page cannot listen on port {port} of 127.0.0.1: {error.strerror}.",
            "Stop what listens there, or choose another one, such as `make dashboards ARGS=--port=8091`.",
        ) from None
