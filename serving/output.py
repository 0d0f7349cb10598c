"""What the server writes: passed on line by line, its end kept to tell why it died."""

import contextlib
import os
import threading
from collections.abc import Sequence

KEPT_BYTES = 256 * 1024
"""How much of the end is kept: a start's traceback of each of several workers."""

_READ_BYTES = 64 * 1024
_LINE_ENDS = (b"\n", b"\r")
_MASK = b"***"


class Output:
    """Passes on what the server writes, and keeps the end of it."""

    def __init__(self, hidden: Sequence[bytes]) -> None:
        """Begin with nothing kept.

        Args:
            hidden: values to replace by ``***``.
        """
        self._hidden = hidden
        self._kept = bytearray()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def pass_on(self, source: int, sink: int) -> None:
        """Read ``source`` in a thread of its own, until all who write to it have closed it."""
        thread = threading.Thread(target=self._pump, args=(source, sink), daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until everything was passed on, for at most so long."""
        for thread in self._threads:
            thread.join(seconds)

    @property
    def end(self) -> str:
        """The end of what was written."""
        with self._lock:
            return self._kept.decode(errors="replace")

    def _pump(self, source: int, sink: int) -> None:
        rest = b""
        while read := os.read(source, _READ_BYTES):
            # Whole lines only: a secret may be split between two reads, and holds no line end.
            lines, rest = _whole_lines(rest + read)
            self._write(sink, lines)
        self._write(sink, rest)
        os.close(source)

    def _write(self, sink: int, lines: bytes) -> None:
        for value in self._hidden:
            lines = lines.replace(value, _MASK)
        with self._lock:
            self._kept += lines
            del self._kept[:-KEPT_BYTES]
        write(sink, lines)


def write(sink: int, text: bytes) -> None:
    """Write a text, or as much of it as there is room for: a log that is full, or that nobody reads, ends no server."""
    with contextlib.suppress(OSError):
        while text:
            text = text[os.write(sink, text) :]


def _whole_lines(data: bytes) -> tuple[bytes, bytes]:
    end = max(data.rfind(mark) for mark in _LINE_ENDS) + 1
    # A line longer than what is kept will not end soon.
    return (data[:end], data[end:]) if len(data) - end < KEPT_BYTES else (data, b"")
