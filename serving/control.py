"""The block of memory that the supervisor shares with vLLM's API servers.

A file mapped into every process, so that a request costs one read of memory and no call.
Each field has one writer: the supervisor the phase, the first API server that sees it the
engine's death, and each API server its own slot.
"""

import fcntl
import mmap
import os
import struct
import tempfile
from enum import IntEnum
from pathlib import Path

VARIABLE = "MODELYARD_CONTROL"
"""The variable that tells vLLM's processes where the file is."""

SLOTS = 256
"""Most API servers of one pod."""

_SIZE = 4096
_PHASE, _ENGINE_DEAD, _CLAIMED = 0, 1, 2
_HUNG_SECONDS = 8
# From here on two numbers of eight bytes for each API server: requests in flight, and whether its engine is hung.
_FIRST_SLOT = 2


class Phase(IntEnum):
    """What the server does with requests."""

    STARTING = 0
    """It takes them, but is not ready: only the warm-up asks."""
    READY = 1
    """It takes them."""
    HANDOVER = 2
    """It takes what still comes, and is no longer ready."""
    REFUSING = 3
    """It finishes what runs and refuses what is new."""
    CUT = 4
    """It ends what still runs."""


class Control:
    """The block, as one process sees it."""

    def __init__(self, path: Path) -> None:
        """Map the file.

        Args:
            path: a file that `create` made.
        """
        self.path = path
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self.block = memoryview(self._map)
        """The bytes. The first is the phase."""
        self.slots = self.block.cast("q")
        """The same as signed numbers of eight bytes."""

    @classmethod
    def create(cls, hung_seconds: float) -> "Control":
        """A new block in the folder for temporary files.

        Args:
            hung_seconds: how long an engine with requests may make no step. 0: for ever.

        Raises:
            OSError: when there is no room for it.
        """
        handle, name = tempfile.mkstemp(prefix="modelyard-")
        try:
            # Not by its length alone: the first to write into a hole that finds no room is ended by SIGBUS.
            os.posix_fallocate(handle, 0, _SIZE)
        except OSError:
            Path(name).unlink()
            raise
        finally:
            os.close(handle)
        made = cls(Path(name))
        struct.pack_into("d", made.block, _HUNG_SECONDS, hung_seconds)
        return made

    @classmethod
    def attached(cls) -> "Control":
        """The block of the supervisor that started this process.

        Raises:
            RuntimeError: where no supervisor did.
        """
        path = os.environ.get(VARIABLE)
        if path is None:
            raise RuntimeError(
                f"there is no {VARIABLE}, so nothing says whether this server stops: "
                "start it with `python -m serving`, which sets it"
            )
        return cls(Path(path))

    def remove(self) -> None:
        """Remove the file. Processes that have mapped it keep what they have."""
        self.path.unlink(missing_ok=True)

    @property
    def phase(self) -> Phase:
        """What the server does with requests."""
        return Phase(self.block[_PHASE])

    @phase.setter
    def phase(self, phase: Phase) -> None:
        self.block[_PHASE] = phase

    @property
    def engine_dead(self) -> bool:
        """Whether an API server has seen the engine die."""
        return self.block[_ENGINE_DEAD] != 0

    def report_engine_dead(self) -> None:
        """Say that the engine died."""
        self.block[_ENGINE_DEAD] = 1

    @property
    def hung_seconds(self) -> float:
        """How long an engine with requests may make no step. 0: for ever."""
        (seconds,) = struct.unpack_from("d", self.block, _HUNG_SECONDS)
        return float(seconds)

    def claim_slot(self) -> int:
        """The place of this API server's two numbers in ``slots``.

        Raises:
            RuntimeError: when every slot is taken.
        """
        with self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            claimed: int = struct.unpack_from("H", self.block, _CLAIMED)[0]
            if claimed == SLOTS - _FIRST_SLOT:
                raise RuntimeError(f"{claimed} API servers share this block already: start fewer of them")
            struct.pack_into("H", self.block, _CLAIMED, claimed + 1)
        return 2 * (_FIRST_SLOT + claimed)

    @property
    def in_flight(self) -> int:
        """Requests that run, in all API servers."""
        return sum(self.slots[2 * _FIRST_SLOT :: 2])

    @property
    def hung(self) -> bool:
        """Whether an API server finds its engine hung."""
        return any(self.slots[2 * _FIRST_SLOT + 1 :: 2])
