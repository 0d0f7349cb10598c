"""Fetches the weights of a model into a folder of a volume, from which vLLM then loads them.

Downloads go on where they were after any stop, pods that share a volume fetch once, and what is served is always whole.
"""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

from serving.settings import ServingSettings
from serving.weights.bucket import SCHEME, Bucket
from serving.weights.errors import UnreachableError, WeightsError
from serving.weights.hugging_face import HuggingFace
from serving.weights.lock import Lock
from serving.weights.modelscope import ModelScope
from serving.weights.remote import Listing, Remote
from serving.weights.store import Entry, Store
from serving.weights.transfer import PACE, Log, Pace, Transfer

__all__ = ["Fetched", "Remote", "WeightsError", "fetch", "remote_of", "with_folder"]

_GIB = 2**30
_WAIT_SECONDS = 0.2


@dataclass(frozen=True)
class Fetched:
    """A whole model that nobody removes while this process has it."""

    folder: Path
    """Where it is."""
    lock: Lock
    """Keeps it there."""


def remote_of(settings: ServingSettings) -> Remote | None:
    """Where the weights come from. None for a folder of the container, and where vLLM is to fetch them itself."""
    if settings.weights_cache is None or "dummy" in settings.extra_args:
        return None
    model = settings.model
    if model.startswith(SCHEME):
        return Bucket(model)
    if model.startswith(("/", "./")) or Path(model).exists():
        return None
    # As vLLM reads it (vllm/envs.py).
    if os.environ.get("VLLM_USE_MODELSCOPE", "False").lower() == "true":
        return ModelScope(model, settings.revision)
    return HuggingFace(model, settings.revision)


def with_folder(settings: ServingSettings, folder: Path) -> ServingSettings:
    """The settings of a server that loads a folder and answers to the same names as before."""
    names = settings.served_names or (settings.model,)
    return settings.model_copy(update={"model": str(folder), "served_names": names, "revision": None})


def fetch(remote: Remote, root: Path, limit_gib: float | None, log: Log, pace: Pace = PACE) -> Fetched:
    """Bring a model into the store, unless it is there, and keep it there for this process.

    The process may be killed meanwhile: the next call goes on where this one was.

    Args:
        remote: where it comes from.
        root: the store's folder.
        limit_gib: what all models there may have together. None: nothing is ever removed.
        log: writes a line to the container's log.
        pace: how the transfer goes.

    Raises:
        WeightsError: when the model can't be had.
    """
    store = Store(root, None if limit_gib is None else int(limit_gib * _GIB))
    found = _Found(remote, store, log)
    lock = found.entry.lock()
    try:
        _bring(found, lock, log, pace)
    except BaseException:
        lock.close()
        raise
    found.note()
    log(f"weights: {remote.name} is in {found.entry.folder}, {found.entry.size() / _GIB:.2f} GiB")
    return Fetched(found.entry.folder, lock)


class _Found:
    """The version of a model that is to be served."""

    def __init__(self, remote: Remote, store: Store, log: Log) -> None:
        self.remote = remote
        self.store = store
        self._listing: Listing | None = None
        self.entry = self._chosen(log)

    def listing(self) -> Listing:
        """Its files. Nobody is asked for them as long as everything is there."""
        if self._listing is None:
            self._listing = self.remote.listing()
        return self._listing

    def note(self) -> None:
        """Keep that it is served now, for starts without the hub and for who makes room."""
        self.entry.touch()
        if self.remote.pinned is None:
            self.store.note_seen(self.remote, self.entry.folder.name)

    def _chosen(self, log: Log) -> Entry:
        if self.remote.pinned is not None:
            return self.store.entry(self.remote, self.remote.pinned)
        try:
            version = self.listing().version
        except UnreachableError as error:
            seen = self.store.last_seen(self.remote)
            kept = self.store.entry(self.remote, seen) if seen else None
            if kept is None or not kept.is_whole():
                raise
            log(f"weights: {error}. What was last fetched of it is here, and is served")
            return kept
        return self.store.entry(self.remote, version)


def _bring(found: _Found, lock: Lock, log: Log, pace: Pace) -> None:
    """Return with the model whole, and its lock shared."""
    said = -math.inf
    while True:
        if found.entry.is_whole():
            if lock.take(shared=True):
                if found.entry.is_whole():
                    return
                # It was removed in between.
                lock.release()
        elif lock.take():
            if not found.entry.is_whole():
                _fill(found, log, pace)
            continue
        if time.monotonic() - said >= pace.report_seconds:
            said = time.monotonic()
            here = found.entry.allocated() / _GIB
            log(f"weights: another pod fetches {found.remote.name} to this volume, {here:.2f} GiB are here")
        time.sleep(_WAIT_SECONDS)


def _fill(found: _Found, log: Log, pace: Pace) -> None:
    listing, entry = found.listing(), found.entry
    for removed in found.store.make_room(entry, listing):
        log(f"weights: removed {removed}, which nobody used")
    log(f"weights: {found.remote.name}: {len(listing.files)} files, {listing.size / _GIB:.2f} GiB")
    Transfer(found.remote, entry.work, log, pace).run(listing.files)
    entry.finish(listing)
