"""Brings the weights of this container before vLLM starts, and says how that ended where it did not."""

from collections.abc import Callable
from pathlib import Path

from serving.exits import Reason
from serving.settings import ServingSettings
from serving.weights import WeightsError, fetch, remote_of, with_folder

Log = Callable[[str], None]
"""Writes a line to the container's log."""


def with_weights(settings: ServingSettings, log: Log) -> ServingSettings | Reason:
    """Bring the weights that are fetched to ``weights_cache``. Nobody removes them until this process ends.

    Args:
        settings: of the server.
        log: writes a line to the container's log.

    Returns:
        The settings of a server that loads them, or why there is none.
    """
    remote = remote_of(settings)
    if remote is None:
        return settings
    try:
        fetched = fetch(remote, Path(settings.weights_cache or ""), settings.weights_cache_gib, log)
    except WeightsError as error:
        return Reason(error.code, f"{error}.")
    return with_folder(settings, fetched.folder)
