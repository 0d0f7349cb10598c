"""A file that is being fetched: its bytes, and for each of its parts how many of them are there.

The bytes are written before their number is, and both are in the kernel's hands then. So a process that is killed
leaves at most bytes that are not counted, and never counted bytes that are missing. A node that loses power may, and
then only a checksum can tell: without one, such a file is begun anew.
"""

import errno
import hashlib
import os
import struct
import threading
from functools import cached_property
from pathlib import Path

from serving.exits import ExitCode
from serving.weights.checksum import Checksum, digest_of
from serving.weights.errors import WeightsError
from serving.weights.remote import RemoteFile

CHUNK_BYTES = 256 * 1024
"""Bytes that are read, written and counted at once."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_HEADER = struct.Struct("<Q40s")
_COUNT = struct.Struct("<Q")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class CorruptError(Exception):
    """All bytes of a file came, and they are not those that they should be."""


class PartialFile:
    """A file that is being fetched by several threads."""

    def __init__(self, file: RemoteFile, checksum: Checksum | None, work: Path, part_bytes: int) -> None:
        """Take up what an earlier process has left of it.

        Args:
            file: the file.
            checksum: what its bytes come to, where that is known.
            work: the folder for what is unfinished.
            part_bytes: size of every part but the last.
        """
        self.file = file
        self.checksum = checksum
        self.parts = max(1, -(-file.size // part_bytes))
        self._part_bytes = part_bytes
        name = hashlib.sha256(file.path.encode()).hexdigest()[:32]
        self._data, self._journal = work / f"{name}.data", work / f"{name}.counts"
        self._lock = threading.Lock()
        self._complete: set[int] = set()
        self._digested = 0
        self._digesting = False
        self._begin()

    @property
    def received(self) -> int:
        """Bytes that are there."""
        return sum(self._counts)

    def missing(self, part: int) -> tuple[int, int]:
        """The first byte of a part that is not there, and the byte behind its last one."""
        first = part * self._part_bytes
        return first + self._counts[part], min(first + self._part_bytes, self.file.size)

    def write(self, part: int, data: bytes) -> None:
        """Take the next bytes of a part."""
        offset, rest = self.missing(part)[0], memoryview(data)
        try:
            while rest:
                written = os.pwrite(self._fd, rest, offset)
                offset, rest = offset + written, rest[written:]
            self._counts[part] += len(data)
            os.pwrite(self._journal_fd, _COUNT.pack(self._counts[part]), _HEADER.size + part * _COUNT.size)
        except OSError as error:
            raise not_written(error, self.file.path) from error

    def complete(self, part: int) -> bool:
        """Note that all bytes of a part are there. Whether the whole file is, and was found right.

        Bytes are digested in their order, by one thread at a time, soon after they came: they are still in memory.

        Raises:
            CorruptError: when the whole file is there, and is not what it should be. `restart` begins it anew.
        """
        with self._lock:
            self._complete.add(part)
            if self._digesting:
                return False
            self._digesting = True
        while True:
            with self._lock:
                if self._digested not in self._complete:
                    # Said with the lock: from here on another thread may be the one that ends the file.
                    self._digesting = False
                    if self._digested < self.parts:
                        return False
                    break
            self._digest_part(self._digested)
            self._digested += 1
        if self.checksum and self._digest and self._digest.hexdigest() != self.checksum.value:
            raise CorruptError
        return True

    def finish(self, target: Path) -> None:
        """Put the file where it belongs, once its bytes would outlive the node."""
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.fsync(self._fd)
            self._data.rename(target)
            self._journal.unlink()
        except OSError as error:
            raise not_written(error, self.file.path) from error
        self.close()

    def restart(self) -> None:
        """Forget all bytes."""
        self.close()
        self._data.unlink()
        self._journal.unlink()
        self._begin()

    def close(self) -> None:
        """Give the files back."""
        for descriptor in (self._fd, self._journal_fd):
            os.close(descriptor)

    def _begin(self) -> None:
        self._complete.clear()
        self._digested, self._digest = 0, None
        if self.checksum:
            self._digest = digest_of(self.checksum, self.file.size)
        try:
            self._fd = os.open(self._data, os.O_RDWR | os.O_CREAT, 0o644)
            self._journal_fd = os.open(self._journal, os.O_RDWR | os.O_CREAT, 0o644)
            self._counts = self._found() or self._anew()
        except OSError as error:
            raise not_written(error, self.file.path) from error

    def _found(self) -> list[int]:
        """What an earlier process has counted. Nothing, where that can't be relied upon."""
        kept = os.pread(self._journal_fd, _HEADER.size + self.parts * _COUNT.size, 0)
        if len(kept) < _HEADER.size + self.parts * _COUNT.size or os.fstat(self._fd).st_size != self.file.size:
            return []
        part_bytes, boot = _HEADER.unpack_from(kept)
        counts = [_COUNT.unpack_from(kept, _HEADER.size + part * _COUNT.size)[0] for part in range(self.parts)]
        trusted = self.checksum is not None or boot == self._boot
        fit = all(self._fits(part, count) for part, count in enumerate(counts))
        return counts if part_bytes == self._part_bytes and trusted and fit else []

    def _fits(self, part: int, count: int) -> bool:
        first = part * self._part_bytes
        return first + count <= min(first + self._part_bytes, self.file.size)

    def _anew(self) -> list[int]:
        os.ftruncate(self._fd, 0)
        os.ftruncate(self._fd, self.file.size)
        os.ftruncate(self._journal_fd, 0)
        # In one write: a journal is whole or too short.
        os.pwrite(self._journal_fd, _HEADER.pack(self._part_bytes, self._boot) + bytes(self.parts * _COUNT.size), 0)
        return [0] * self.parts

    def _digest_part(self, part: int) -> None:
        if self._digest is None:
            return
        offset, end = part * self._part_bytes, self.missing(part)[1]
        while offset < end:
            data = os.pread(self._fd, min(4 * CHUNK_BYTES, end - offset), offset)
            self._digest.update(data)
            offset += len(data)

    @cached_property
    def _boot(self) -> bytes:
        """Stands for this start of the node's kernel."""
        try:
            return _BOOT.read_bytes()[:36].ljust(40, b"\0")
        except OSError:
            return bytes(40)


def not_written(error: OSError, what: object) -> WeightsError:
    """Why something could not be written to the cache."""
    if error.errno in _FULL:
        return WeightsError(
            ExitCode.DISK,
            f"{what}: there is no room left for it ({error.strerror}): give the weights a larger volume, set "
            "weights.cacheLimit so that models which nobody uses make room, or remove other files from it",
        )
    remedy = "let the pod's user, 1000, write to the volume" if error.errno in _FORBIDDEN else "look at the volume"
    return WeightsError(ExitCode.WEIGHTS, f"{what}: it cannot be written ({error.strerror}): {remedy}")
