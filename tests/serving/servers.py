"""Servers as processes: started as a container starts them, with what they write read as it comes."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = Path(__file__).with_name("stand_in")


class Server:
    """A running `python -m serving`."""

    def __init__(self, command: list[str], environment: dict[str, str], port: int, message: Path) -> None:
        self.port = port
        self._message = message
        self._lines: list[str] = []
        self._closed = False
        self._written = threading.Condition()
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as out:
            for line in out:
                with self._written:
                    self._lines.append(line.rstrip("\n"))
                    self._written.notify_all()
        with self._written:
            self._closed = True
            self._written.notify_all()

    @property
    def lines(self) -> list[str]:
        """What was written so far."""
        with self._written:
            return list(self._lines)

    @property
    def message(self) -> str:
        """The termination message."""
        return self._message.read_text().strip()

    def await_line(self, part: str, seconds: float = 30) -> str:
        """The first line with this part, once it is written."""

        def find() -> str | None:
            return next((line for line in self._lines if part in line), None)

        with self._written:
            self._written.wait_for(lambda: find() or self._closed, timeout=seconds)
            found = find()
            assert found is not None, f"no line with {part!r} in:\n" + "\n".join(self._lines)
            return found

    def await_ready(self, seconds: float = 30) -> "Server":
        """Wait until it is ready."""
        self.await_line("modelyard: ready", seconds)
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the container's first process."""
        self.process.send_signal(number)

    def ended(self, seconds: float = 30) -> int:
        """Its exit code, once it has ended."""
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code

    def ask(self, method: str, path: str, body: object = None, timeout: float = 30) -> HTTPResponse:
        """A response whose body is yet to be read."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Connection": "close", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        return connection.getresponse()

    def status(self, method: str, path: str, body: object = None) -> int:
        """The status of an answer."""
        with self.ask(method, path, body) as response:
            response.read()
            return response.status

    def close(self) -> None:
        """End it, and all that it started, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._reader.join(5)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def start(
    folder: Path,
    modules: Path,
    python: str = sys.executable,
    run: str = "-m serving",
    **values: str,
) -> Server:
    """Start `python -m serving` with these settings, on a free port where none is said."""
    port = int(values.get("MODELYARD_PORT", free_port()))
    message = folder / "termination-log"
    message.touch()
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "TERMINATION_LOG": str(message)}
    environment = {
        # What this program's own tools read is no setting of a server.
        **{name: value for name, value in os.environ.items() if not name.startswith("MODELYARD_")},
        "PYTHONPATH": f"{ROOT}{os.pathsep}{modules}",
        **{f"MODELYARD_{name}": value for name, value in settings.items()},
        **values,
    }
    return Server([python, *_words(run)], environment, port, message)


def children(pid: int) -> dict[int, str]:
    """The state of each child of a process: ``Z`` is one that nobody has waited for."""
    found: dict[int, str] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found[int(stat.parent.name)] = fields[0]
    return found


def await_true(condition: Callable[[], Any], seconds: float = 20) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.02)


def _words(run: str) -> list[str]:
    # What follows -c is one word.
    option, _, rest = run.partition(" ")
    return [option, rest] if option == "-c" else [option, *rest.split()]
