"""A small disk that a test fills up, and makes room on again."""

import subprocess
from pathlib import Path

KIB = 1024


class Disk:
    """A tmpfs of its own."""

    def __init__(self, folder: Path, kib: int) -> None:
        self.folder = folder
        self._rest = folder / "rest"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", folder], check=True)

    def fill(self) -> None:
        """Leave no room, not for a single byte."""
        with self._rest.open("ab", buffering=0) as rest:
            for size in (64 * KIB, KIB, 1):
                try:
                    while rest.write(b"x" * size):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Make room again."""
        self._rest.unlink()

    def close(self) -> None:
        """Take it away, whoever still has a file open there."""
        subprocess.run(["umount", "--lazy", self.folder], check=True)
