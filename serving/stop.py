"""Ends the process when it is told to stop, as long as it has not started vLLM."""

import contextlib
import os
import signal
from functools import partial
from types import FrameType
from typing import NoReturn

from serving.exits import ExitCode

STOP = (signal.SIGTERM, signal.SIGINT)
"""What tells a process to stop."""

_SAID = b"modelyard: Told to stop before vLLM was started: the next start goes on with what is here.\n"


def end_at_stop(code: ExitCode) -> None:
    """End as soon as the process is told to stop, until somebody else handles these signals.

    A container's first process gets no signal that it does not handle. Nothing has to be tidied up: whatever runs
    before vLLM may be killed at any moment, and is gone on with at the next start. The main thread hears a signal only
    between two steps of Python, so what may wait for long in a library of C, as for a name server, is for another one,
    and whoever waits for that one looks up now and then: Linux may give the signal to any thread, and wake no other.

    Args:
        code: what the process exits with.
    """
    for number in STOP:
        signal.signal(number, partial(_end, code))


def _end(code: ExitCode, number: int, frame: FrameType | None) -> NoReturn:
    # Not by print: the signal may have come in the middle of another one.
    with contextlib.suppress(OSError):
        os.write(2, _SAID)
    os._exit(code)
