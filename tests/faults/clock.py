"""The calendar of single processes, which a test sets forward and back while they run."""

import struct
import subprocess
from pathlib import Path

from local.debian import TCC

SOURCE = Path(__file__).with_name("clock.c")
HOUR = 3600


class Clock:
    """A clock for processes that are started with its ``environment``. Nobody else's changes."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "clock-offset"
        self._offset.write_bytes(struct.pack("q", 0))
        library = folder / "clock.so"
        subprocess.run([TCC, "-shared", "-nostdlib", "-o", library, SOURCE], check=True)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(self._offset)}

    def move(self, seconds: int) -> None:
        """Set it so far ahead of everybody else's, at once."""
        # In place: it is mapped.
        with self._offset.open("r+b") as file:
            file.write(struct.pack("q", seconds))
