"""Locks of files, between processes of all pods that share a volume. They end with the process that has them."""

import errno
import fcntl
import os
from pathlib import Path

from serving.exits import ExitCode
from serving.weights.errors import WeightsError
from serving.weights.partial import not_written

_TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


class Lock:
    """A lock that one process has alone, or several share. The file stays: to remove it would make two of it."""

    def __init__(self, path: Path) -> None:
        """Open the lock's file.

        Raises:
            WeightsError: when it can't be made.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Over NFS, only who may write can have it alone. Python's files are closed in programs that it starts.
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise not_written(error, path) from error

    def take(self, *, shared: bool = False) -> bool:
        """Take the lock, or change how it is had. Whether it could be had at once.

        A change gives it up for a moment, in which another may get it.

        Raises:
            WeightsError: where the file system has no locks.
        """
        try:
            fcntl.flock(self._fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise WeightsError(
                ExitCode.WEIGHTS,
                f"{self._path}: the volume has no locks ({error.strerror}), by which one pod fetches for all: take one "
                "that has, such as NFS 4, CephFS or Lustre mounted with flock, or set weights.download: vllm",
            ) from error
        return True

    def release(self) -> None:
        """Give the lock up, to take it again later."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the lock up for good."""
        os.close(self._fd)
