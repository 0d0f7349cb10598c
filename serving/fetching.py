"""Brings the weights of this container before vLLM starts, and says how that ended where it did not."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

from serving.exits import ExitCode, Reason
from serving.settings import ServingSettings
from serving.weights import Fetched, Remote, StoppedError, WeightsError, fetch, remote_of, with_folder

_STOP = (signal.SIGTERM, signal.SIGINT)

Log = Callable[[str], None]
"""Writes a line to the container's log."""


def with_weights(settings: ServingSettings, log: Log, *, only: bool) -> ServingSettings | Reason:
    """Bring the weights that are fetched to ``weights_cache``. Nobody removes them until this process ends.

    Args:
        settings: of the server.
        log: writes a line to the container's log.
        only: whether nothing is to be done but this.

    Returns:
        The settings of a server that loads them, or why there is none.
    """
    remote = remote_of(settings)
    if remote is None:
        return settings
    try:
        fetched = _fetched(settings, remote, log)
    except WeightsError as error:
        return Reason(error.code, f"{error}.")
    except StoppedError:
        sentence = "Told to stop before the weights were there: the next start goes on with what is here."
        # A Job whose pod is told to stop has not done its work.
        return Reason(ExitCode.CRASHED if only else ExitCode.STOPPED, sentence)
    return with_folder(settings, fetched.folder)


def _fetched(settings: ServingSettings, remote: Remote, log: Log) -> Fetched:
    stop = threading.Event()
    # A container's first process gets no signal that it does not handle.
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in _STOP}
    try:
        return fetch(remote, Path(settings.weights_cache or ""), settings.weights_cache_gib, log, stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
