"""Processes that a plugin starts: interrupted first, killed when that does not help."""

import subprocess
import threading
from contextlib import suppress
from signal import SIGINT

GRACE_SECONDS = 5.0
"""How long an interrupted process may take, as in the official language host."""


class Children:
    """The running processes of one plugin."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopping = False

    @property
    def stopping(self) -> bool:
        """Whether they were interrupted: from then on new processes end as soon as they have started."""
        return self._stopping

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Take charge of a process."""
        with self._lock:
            self._running.add(process)
            stopping = self._stopping
        if stopping:
            interrupt(process)

    def discard(self, process: subprocess.Popen[bytes]) -> None:
        """Forget a process that has ended."""
        with self._lock:
            self._running.discard(process)

    def interrupt(self) -> None:
        """Begin to end all of them, now and later."""
        for process in self._interrupted():
            interrupt(process)

    def stop(self) -> None:
        """End all of them and wait until they have."""
        for thread in [interrupt(process) for process in self._interrupted()]:
            thread.join()

    def _interrupted(self) -> list[subprocess.Popen[bytes]]:
        with self._lock:
            self._stopping = True
            return list(self._running)


def interrupt(process: subprocess.Popen[bytes]) -> threading.Thread:
    """Send SIGINT, and SIGKILL after `GRACE_SECONDS` to a process that is still there.

    Returns:
        The thread that sees to the second; it ends when the process has.
    """
    with suppress(ProcessLookupError):
        process.send_signal(SIGINT)

    def kill_if_left() -> None:
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    thread = threading.Thread(target=kill_if_left)
    thread.start()
    return thread


def outcome(code: int) -> str:
    """Say how a process ended, in the words of the official language host where it has any."""
    if code < 0:
        return f"program was stopped by signal {-code}"
    return f"program exited with non-zero exit code: {code}"
