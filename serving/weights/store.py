"""The folder of a volume where models are kept, by their versions.

::

    hf/Qwen--Qwen3-8B/<version>/            a whole model, always: it gets this name once everything is in it
    hf/Qwen--Qwen3-8B/.<version>.partial/   what is there of one that is being fetched
    hf/Qwen--Qwen3-8B/.<version>.lock       had alone by who fetches or removes it, shared by all who serve it
    hf/Qwen--Qwen3-8B/.revisions/main       the version that the hub last called so
    .lock                                   had by who makes room

A process may be killed anywhere: what it did is whole or can be gone on with, and its locks are free.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from serving.exits import ExitCode
from serving.weights.errors import WeightsError
from serving.weights.lock import Lock
from serving.weights.partial import not_written
from serving.weights.remote import MARKER, Listing, Remote

_PLAN = "plan.json"
_GIB = 2**30
_BLOCK_BYTES = 512
"""Of ``st_blocks``, whatever the file system has."""
_WAIT_SECONDS = 0.2


@dataclass(frozen=True)
class Entry:
    """A version of a model in the store, whether it is whole or not."""

    folder: Path
    """Where it is, once it is whole."""

    @property
    def work(self) -> Path:
        """Where it is until then."""
        return self._beside("partial")

    def lock(self) -> Lock:
        """Its lock, which nobody has yet."""
        return Lock(self._beside("lock"))

    def is_whole(self) -> bool:
        """Whether every file is there, with its size."""
        sizes = self._sizes(self.folder / MARKER)
        return bool(sizes) and all(_size(self.folder / path) == size for path, size in sizes.items())

    def size(self) -> int:
        """Bytes that it has or is going to have."""
        return sum((self._sizes(self.folder / MARKER) or self._sizes(self.work / _PLAN)).values())

    def missing(self, size: int) -> int:
        """Bytes that the disk still has to take until it is as large."""
        return max(0, size - self.allocated())

    def allocated(self) -> int:
        """Bytes that it has on the disk. Files that are being fetched have holes."""
        total = 0
        for path in (*self.folder.rglob("*"), *self.work.rglob("*")):
            try:
                total += path.stat().st_blocks * _BLOCK_BYTES
            except OSError:
                continue
        return total

    def is_fetched_now(self) -> bool:
        """Whether somebody fetches it. One that is served has no bytes to get."""
        if not self.work.exists():
            return False
        lock = self.lock()
        try:
            return not lock.take(shared=True)
        finally:
            lock.close()

    def last_used(self) -> float:
        """When a server last took it, or a download began, in seconds since 1970."""
        for path in (self.folder / MARKER, self.work / _PLAN):
            try:
                return path.stat().st_mtime
            except OSError:
                continue
        return 0

    def touch(self) -> None:
        """Note that a server takes it. Where that may not be written, it only goes earlier."""
        try:
            os.utime(self.folder / MARKER)
        except OSError:
            return

    def begin(self, listing: Listing) -> None:
        """Make the folder to work in, and note how large it is to be. Only with the lock, and alone."""
        try:
            if self.folder.exists():
                # Somebody has removed a file, or cut one off.
                self._reopen()
            (self.work / "files").mkdir(parents=True, exist_ok=True)
            _write(self.work / _PLAN, _document(listing))
        except OSError as error:
            raise not_written(error, self.work) from error

    def finish(self, listing: Listing) -> None:
        """Let it be whole. Only with the lock, and alone."""
        files = self.work / "files"
        try:
            _write(files / MARKER, _document(listing))
            for folder in (files, *(path for path in files.rglob("*") if path.is_dir())):
                _sync(folder)
            files.rename(self.folder)
            _sync(self.folder.parent)
            shutil.rmtree(self.work)
        except OSError as error:
            raise not_written(error, self.folder) from error

    def remove(self) -> None:
        """Remove it. Only with the lock, and alone."""
        removed = self._beside("removed")
        try:
            for path in (self.folder, self.work):
                if path.exists():
                    # Under this name, half of it is never taken for the whole.
                    shutil.rmtree(removed, ignore_errors=True)
                    path.rename(removed)
                    shutil.rmtree(removed)
        except OSError as error:
            raise not_written(error, self.folder) from error

    def _reopen(self) -> None:
        sizes = self._sizes(self.folder / MARKER)
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        self.folder.rename(self.work / "files")
        for path in (self.work / "files").rglob("*"):
            name = str(path.relative_to(self.work / "files"))
            if path.is_file() and _size(path) != sizes.get(name):
                path.unlink()

    def _beside(self, kind: str) -> Path:
        return self.folder.with_name(f".{self.folder.name}.{kind}")

    def _sizes(self, document: Path) -> dict[str, int]:
        try:
            return dict(json.loads(document.read_bytes())["files"])
        except (OSError, ValueError, KeyError):
            return {}


class Store:
    """The models of a volume."""

    def __init__(self, root: Path, limit: int | None) -> None:
        """Say where they are.

        Args:
            root: the folder.
            limit: bytes that all of them may have together. None: as many as there is room for, and nothing is removed.
        """
        self._root = root
        self._limit = limit

    def entry(self, remote: Remote, version: str) -> Entry:
        """A version of a model."""
        return Entry(self._root / remote.folder / version)

    def last_seen(self, remote: Remote) -> str | None:
        """The version that was last had for a revision."""
        try:
            return self._revision(remote).read_text()
        except OSError:
            return None

    def note_seen(self, remote: Remote, version: str) -> None:
        """Keep which version is had for a revision."""
        path = self._revision(remote)
        if self.last_seen(remote) == version:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Two pods may be there at once, and no lock is theirs alone.
            _write(path, version, f".{uuid4().hex}")
        except OSError as error:
            raise not_written(error, path) from error

    def make_room(self, entry: Entry, listing: Listing) -> list[str]:
        """Reserve room for a model, for which others are removed where there is a limit: those least recently used.

        Returns:
            What was removed.

        Raises:
            WeightsError: when there is not enough room.
        """
        with self._alone(), ExitStack() as held:
            for left in self._root.glob("*/*/.*.removed"):
                shutil.rmtree(left, ignore_errors=True)
            going = self._superfluous(entry, listing, held)
            said = [f"{other.folder.relative_to(self._root)}, {other.size() / _GIB:.2f} GiB" for other in going]
            for other in going:
                other.remove()
            # Not every file system gives back what was counted.
            self._refuse_full(self._free(entry), entry.missing(listing.size))
            entry.begin(listing)
        return said

    def _superfluous(self, entry: Entry, listing: Listing, held: ExitStack) -> list[Entry]:
        """The models that are to make room for one, with their locks. Nothing is removed before all of it is known.

        Args:
            entry: the model.
            listing: its files.
            held: keeps the locks.
        """
        own, missing, free = listing.size, entry.missing(listing.size), self._free(entry)
        going: list[Entry] = []
        if self._limit is not None:
            self._refuse_larger_than_limit(own)
            others = sorted((other for other in self._entries() if other != entry), key=Entry.last_used)
            used = own + sum(other.size() for other in others)
            for other in others:
                if used <= self._limit and free >= missing:
                    break
                lock = other.lock()
                held.callback(lock.close)
                if lock.take():
                    going.append(other)
                    used -= other.size()
                    free += other.allocated()
            if used > self._limit:
                raise WeightsError(
                    ExitCode.DISK,
                    f"{self._root}: models that are served or fetched from there have {(used - own) / _GIB:.2f} "
                    f"GiB, and this one has {own / _GIB:.2f}: raise weights.cacheLimit, which is "
                    f"{self._limit / _GIB:.2f} GiB, or serve fewer models from this volume",
                )
        self._refuse_full(free, missing)
        return going

    def _refuse_larger_than_limit(self, own: int) -> None:
        if self._limit is not None and own > self._limit:
            raise WeightsError(
                ExitCode.DISK,
                f"{self._root}: the model alone has {own / _GIB:.2f} GiB, and weights.cacheLimit is "
                f"{self._limit / _GIB:.2f} GiB: raise it",
            )

    def _refuse_full(self, free: int, missing: int) -> None:
        if free < missing:
            raise WeightsError(
                ExitCode.DISK,
                f"{self._root}: it has {max(0, free) / _GIB:.1f} GiB free beside what other pods are fetching there, "
                f"and {missing / _GIB:.1f} GiB are yet to be fetched: give the weights a larger volume, set "
                "weights.cacheLimit so that models which nobody uses make room, or remove other files from it",
            )

    def _free(self, entry: Entry) -> int:
        """Bytes that a model can have of the disk: not those that are yet to come of others, which are fetched now."""
        others = [other for other in self._entries() if other != entry and other.is_fetched_now()]
        return shutil.disk_usage(self._root).free - sum(other.missing(other.size()) for other in others)

    def _entries(self) -> Iterator[Entry]:
        """Every version that is there, whole or not."""
        for model in self._root.glob("*/*"):
            names = {path.name for path in model.iterdir() if path.is_dir() and not path.name.startswith(".")}
            names |= {path.name[1:].removesuffix(".partial") for path in model.glob(".*.partial")}
            yield from (Entry(model / name) for name in sorted(names))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = Lock(self._root / ".lock")
        try:
            while not lock.take():
                time.sleep(_WAIT_SECONDS)
            yield
        finally:
            lock.close()

    def _revision(self, remote: Remote) -> Path:
        return self._root / remote.folder / ".revisions" / (quote(remote.revision, safe="") or "any")


def _document(listing: Listing) -> str:
    return json.dumps({"version": listing.version, "files": {file.path: file.size for file in listing.files}})


def _write(path: Path, text: str, beside: str = ".new") -> None:
    """Write a file that is whole or not there.

    Args:
        path: the file.
        text: what is to be in it.
        beside: the name, behind that of the file, that it has until then.
    """
    new = path.with_name(f"{path.name}{beside}")
    with new.open("w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    new.rename(path)


def _sync(folder: Path) -> None:
    """Let the names in a folder outlive the node."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
