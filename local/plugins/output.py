"""The output of a running process as one stream, in the order in which it comes."""

import os
import subprocess
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import IO, Literal

Chunk = tuple[Literal["stdout", "stderr"], bytes]

CHUNK_BYTES = 65536


class Output:
    """Collects what is written to it until `close`, and gives it out once."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Chunk | None] = SimpleQueue()

    def write(self, chunk: Chunk) -> None:
        """Add a piece of output."""
        self._queue.put(chunk)

    def close(self) -> None:
        """Say that nothing more comes."""
        self._queue.put(None)

    def __iter__(self) -> Iterator[Chunk]:
        """Wait for the pieces, one after the other."""
        return iter(self._queue.get, None)

    def copy(self, process: "subprocess.Popen[bytes]") -> int:
        """Copy both streams of a process until it has ended; returns its exit code."""
        threads = [
            threading.Thread(target=self._copy, args=(name, stream))
            for name, stream in (("stdout", process.stdout), ("stderr", process.stderr))
            if stream is not None
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return process.wait()

    def _copy(self, name: Literal["stdout", "stderr"], stream: IO[bytes]) -> None:
        with stream:
            while data := os.read(stream.fileno(), CHUNK_BYTES):
                self.write((name, data))
