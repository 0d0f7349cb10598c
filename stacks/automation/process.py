"""Runs Pulumi's own command: what it prints as it comes, and an orderly end when the caller wants one."""

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Pulumi:
    """The command, and what it is run with."""

    program: str
    """The program."""
    folder: Path
    """The project's folder."""
    environment: Mapping[str, str]
    """Its whole environment."""

    def run(
        self,
        arguments: Sequence[str],
        *,
        on_json: Callable[[Mapping[str, Any]], None] | None = None,
        cancelled: threading.Event | None = None,
    ) -> "Ended":
        """Run a command to its end.

        It has a session of its own, so that Ctrl-C reaches this program alone, which passes it on: Pulumi
        takes a second interrupt as the order to drop everything.

        Args:
            arguments: the command line behind ``pulumi``.
            on_json: called with every JSON object that it prints on a line. What it raises ends Pulumi.
            cancelled: ends Pulumi in an orderly way when it is set: what is under way is finished.
        """
        printed: list[str] = []
        with self._started([*arguments, "--non-interactive", "--color=never"]) as process:
            complaints = _Drained(process)
            try:
                with _interrupting(process, cancelled), _passing_on(process):
                    for line in process.stdout or ():
                        found = _json_object(line) if on_json else None
                        if found is None or on_json is None:
                            printed.append(line)
                        else:
                            on_json(found)
                    code = process.wait()
            finally:
                # It may not be closed while its thread still reads.
                said = complaints.text()
            return Ended(code, "".join(printed), said)

    @contextmanager
    def _started(self, arguments: Sequence[str]) -> "Iterator[subprocess.Popen[str]]":
        process = subprocess.Popen(
            [self.program, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            # One foreign byte would take the whole message along.
            errors="replace",
            start_new_session=True,
        )
        with process:
            yield process


@dataclass(frozen=True)
class Ended:
    """What a command printed, beside JSON lines, and how it ended."""

    code: int
    output: str
    complaints: str


class _Drained:
    """What a process writes to its standard error, read so that it never waits for us."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._stream = process.stderr
        self._text = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        if self._stream is not None:
            self._text = self._stream.read()

    def text(self) -> str:
        """All of it, once the process has closed it."""
        self._thread.join()
        return self._text


@contextmanager
def _interrupting(process: "subprocess.Popen[str]", cancelled: threading.Event | None) -> Iterator[None]:
    """Interrupts the process when the caller cancels."""
    if cancelled is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if cancelled.wait(0.1):
                process.send_signal(signal.SIGINT)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@contextmanager
def _passing_on(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Ends the process in an orderly way when this program is interrupted or fails meanwhile."""
    try:
        yield
    except BaseException:
        process.send_signal(signal.SIGINT)
        # Unread, a full pipe would keep it from ending.
        for _ in process.stdout or ():
            pass
        process.wait()
        raise


def _json_object(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found: Mapping[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        return None
    return found
