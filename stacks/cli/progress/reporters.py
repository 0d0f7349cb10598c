"""Shows a board: as a live list in a terminal, as plain lines elsewhere."""

import time
from collections.abc import Callable
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stacks.cli.progress.board import Board, Row
from stacks.cli.progress.wording import duration

_SIGNS = {"running": ("…", "cyan"), "done": ("✓", "green"), "failed": ("✗", "bold red"), "stopped": ("-", "yellow")}

QUIET_SECONDS = 10.0
"""How long plain lines keep silent about a component that does the same, only further."""


class Reporter(Protocol):
    """Shows a board while an update runs."""

    def begin(self) -> None:
        """Begin to show it."""

    def look(self) -> None:
        """The board may have changed."""

    def say(self, text: str, style: str) -> None:
        """Print lines above or between what is shown."""

    def end(self) -> None:
        """Show it for the last time."""


class LiveReporter:
    """A list of the components with the time that each has taken and what it waits for."""

    def __init__(self, board: Board, console: Console) -> None:
        self._board = board
        self._live = Live(self, console=console, refresh_per_second=4, transient=False)

    def begin(self) -> None:
        """Begin to show it."""
        self._live.start()

    def look(self) -> None:
        """Nothing to do: the list is drawn anew by itself."""

    def say(self, text: str, style: str) -> None:
        """Print lines above the list."""
        self._live.console.print(Text(text, style), soft_wrap=True)

    def end(self) -> None:
        """Draw the list for the last time, and leave it there."""
        self._live.stop()

    def __rich__(self) -> Table:
        """The list as it is now."""
        table = Table.grid(padding=(0, 1))
        table.add_column()
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", style="dim", ratio=1)
        for row in self._board.rows():
            sign, style = _SIGNS[row.state]
            table.add_row(Text(sign, style), Text(row.name, style), duration(row.seconds), Text(row.detail))
        return table


class PlainReporter:
    """A line for whatever becomes different, with the time since the beginning."""

    def __init__(self, board: Board, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._write = write
        self._clock = clock
        self._began = clock()
        self._said: dict[str, tuple[Row, float]] = {}

    def begin(self) -> None:
        """Nothing to do: there is nothing yet."""

    def look(self) -> None:
        """Write a line for every component that does something else than before."""
        for row in self._board.rows():
            before, when = self._said.get(row.name, (None, 0.0))
            if before is None or self._is_news(before, row, self._clock() - when):
                self._said[row.name] = (row, self._clock())
                self._line(_sentence(row))

    def say(self, text: str, style: str) -> None:
        """Write lines."""
        for line in text.splitlines():
            self._line(line)

    def end(self) -> None:
        """Write the last lines."""
        self.look()

    def _is_news(self, before: Row, row: Row, passed: float) -> bool:
        if before.state != row.state:
            return True
        if row.state != "running" or before.detail == row.detail:
            return False
        # "loading weights: 40 %" is the same as "loading weights: 45 %", a little later.
        return _stage(before) != _stage(row) or passed >= QUIET_SECONDS

    def _line(self, text: str) -> None:
        self._write(f"{duration(self._clock() - self._began):>7}  {text}")


def _stage(row: Row) -> str:
    return row.detail.partition(":")[0]


def _sentence(row: Row) -> str:
    match row.state:
        case "running":
            return f"{row.name}: {row.detail or 'begun'}"
        case "done":
            return f"{row.name}: done in {duration(row.seconds)}, {row.detail}"
        case "failed":
            return f"{row.name}: FAILED after {duration(row.seconds)}"
        case "stopped":
            return f"{row.name}: {row.detail}"
