"""Waiting for a condition, with an end."""

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def wait_for(probe: Callable[[], _T | None], what: str, *, seconds: float = 30, every: float = 0.05) -> _T:
    """Call ``probe`` until it gives something else than None, and return that.

    Raises:
        TimeoutError: when it has not within ``seconds``; the text names ``what`` was waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            message = f"waited {seconds:.0f} s for {what}"
            raise TimeoutError(message)
        time.sleep(every)
