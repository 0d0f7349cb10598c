"""Follows an update: what Pulumi tells of it, and what the pods do meanwhile."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import typer

from stacks.automation.events import Event, Message, PolicyViolated, Recovered, Retrying
from stacks.cli import output
from stacks.cli.platform.state import PlatformState
from stacks.cli.progress.board import Board
from stacks.cli.progress.reporters import LiveReporter, PlainReporter, Reporter
from stacks.kubectl import KubectlError

LOOK_SECONDS = 2.0
"""Seconds between two looks at the pods."""
TICK_SECONDS = 0.5
"""Seconds between two looks at the board."""

Look = Callable[[], PlatformState]
"""Says what models and gateway do."""


@contextmanager
def followed(look: Look | None, *, as_json: bool) -> Iterator[Callable[[Event], None]]:
    """Show how an update goes, as long as the context lasts.

    Args:
        look: what the pods do. None: the cluster is not asked.
        as_json: whether standard output is for programs, so that lines go to standard error.

    Yields:
        What is to be told every event.
    """
    board = Board()
    reporter = _reporter(board, as_json=as_json)
    over = threading.Event()
    threads = [threading.Thread(target=_tick, args=(reporter, over), daemon=True)]
    if look is not None:
        threads.append(threading.Thread(target=_watch, args=(board, look, over), daemon=True))

    def heard(event: Event) -> None:
        board.heard(event)
        if said := _said(event):
            reporter.say(*said)

    reporter.begin()
    for thread in threads:
        thread.start()
    try:
        yield heard
    finally:
        over.set()
        threads[0].join()
        reporter.end()


def _reporter(board: Board, *, as_json: bool) -> Reporter:
    if not as_json and output.is_terminal():
        from rich.console import Console

        return LiveReporter(board, Console(highlight=False))

    def write(line: str) -> None:
        typer.echo(line, err=as_json)
        (sys.stderr if as_json else sys.stdout).flush()

    return PlainReporter(board, write)


def _tick(reporter: Reporter, over: threading.Event) -> None:
    while not over.wait(TICK_SECONDS):
        reporter.look()


def _watch(board: Board, look: Look, over: threading.Event) -> None:
    while True:
        # Without the pods there is still what Pulumi tells; an update may even be what makes them visible.
        with suppress(KubectlError):
            board.seen(look())
        if over.wait(LOOK_SECONDS):
            return


def _said(event: Event) -> tuple[str, str] | None:
    """What is printed of an event beside the list, and how it looks."""
    match event:
        case Message("warning", text):
            return f"warning: {text}", "yellow"
        case PolicyViolated(policy, mandatory=False, text=text):
            return f"advice of policy {policy}: {text}", "yellow"
        case Retrying(attempt, attempts, wait, reason):
            return f"{reason}\nTrying again in {wait:.0f} s, attempt {attempt} of {attempts}.", "yellow"
        case Recovered(adopted):
            return f"An update before this one was killed; {len(adopted)} objects that it was making are taken up.", ""
    return None
