"""Orders to end: Ctrl-C, ``kill``, and a terminal that goes away."""

import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


def _may_be_handled(number: signal.Signals) -> bool:
    # `nohup` has a program ignore SIGHUP, and it is to go on then.
    return signal.getsignal(number) is not signal.SIG_IGN


def end_as_by_ctrl_c() -> None:
    """Have SIGTERM and SIGHUP end this program as Ctrl-C does, so that what it has begun and written is put away."""
    for number in filter(_may_be_handled, (signal.SIGTERM, signal.SIGHUP)):
        signal.signal(number, _interrupt)


@contextmanager
def ending_well(first: Callable[[], None]) -> Iterator[None]:
    """Make an order to end one to end well, as long as the context lasts. A second Ctrl-C is the usual end.

    A terminal that goes away can send SIGHUP several times, and a supervisor SIGTERM, so only Ctrl-C counts twice.

    Args:
        first: called at the first order.
    """
    told = False

    def order(number: int, frame: FrameType | None) -> None:
        nonlocal told
        if number == signal.SIGHUP:
            _forget_terminal()
        if told and number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        if not told:
            told = True
            first()

    handled = (signal.SIGINT, *filter(_may_be_handled, (signal.SIGTERM, signal.SIGHUP)))
    before = {number: signal.signal(number, order) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        _forget_terminal()
    signal.default_int_handler(number, frame)


def _forget_terminal() -> None:
    """Write nowhere instead: to write to a terminal that is gone is an error, which would end all of it at once."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        # One that is gone does not say any more that it was a terminal.
        if stat.S_ISCHR(os.fstat(descriptor).st_mode):
            os.dup2(nowhere, descriptor)
    os.close(nowhere)
