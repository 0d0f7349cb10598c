"""Progress of the setup: a live list in a terminal, a plain line a step elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from local.steps import Reporter
from stacks.cli.progress.wording import duration

_SIGNS = {"running": ("…", "cyan"), "done": ("✓", "green"), "skipped": ("✓", "dim"), "failed": ("✗", "bold red")}


class PlainReporter:
    """A line when a step starts and one when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def started(self, name: str, log: Path) -> None:
        """Say that a step began, and where its log is."""
        self._line(f"{name}: started, log {log}")

    def skipped(self, name: str) -> None:
        """Say that a step was done already."""
        self._line(f"{name}: done already")

    def finished(self, name: str, seconds: float) -> None:
        """Say that a step ended well."""
        self._line(f"{name}: done in {duration(seconds)}")

    def failed(self, name: str, seconds: float) -> None:
        """Say that a step failed."""
        self._line(f"{name}: FAILED after {duration(seconds)}")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveReporter:
    """A list of the steps with the time each has taken and the last line of its log."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, str] = {}
        self._begins: dict[str, float] = {}
        self._seconds: dict[str, float] = {}
        self._logs: dict[str, Path] = {}

    def started(self, name: str, log: Path) -> None:
        """List a step as running."""
        with self._lock:
            self._states[name], self._begins[name], self._logs[name] = "running", time.monotonic(), log

    def skipped(self, name: str) -> None:
        """List a step as done before."""
        with self._lock:
            self._states[name] = "skipped"

    def finished(self, name: str, seconds: float) -> None:
        """List a step as done."""
        with self._lock:
            self._states[name], self._seconds[name] = "done", seconds

    def failed(self, name: str, seconds: float) -> None:
        """List a step as failed."""
        with self._lock:
            self._states[name], self._seconds[name] = "failed", seconds

    def __rich__(self) -> Table:
        """The list as it is now."""
        table = Table.grid(padding=(0, 1))
        table.add_column()
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", style="dim")
        with self._lock:
            for name, state in self._states.items():
                sign, style = _SIGNS[state]
                table.add_row(
                    Text(sign, style), Text(name, style), self._elapsed(name, state), self._detail(name, state)
                )
        return table

    def _elapsed(self, name: str, state: str) -> str:
        if state == "skipped":
            return "done"
        seconds = time.monotonic() - self._begins[name] if state == "running" else self._seconds[name]
        return duration(seconds)

    def _detail(self, name: str, state: str) -> Text:
        return Text(last_line(self._logs[name]) if state == "running" else "")


def last_line(log: Path) -> str:
    """The last line that a log holds now, or nothing."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 2000))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""


@contextmanager
def reporting(console: Console) -> Iterator[Reporter]:
    """A reporter that suits the console."""
    if console.is_terminal:
        reporter = LiveReporter()
        with Live(reporter, console=console, refresh_per_second=4):
            yield reporter
    else:
        yield PlainReporter(console)
