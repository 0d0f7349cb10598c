"""Runs the command on a terminal of its own."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TAKE = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
"""Makes the terminal the one whose Ctrl-C reaches the command."""

ENTRY = "import sys; from stacks.cli.__main__ import main; sys.exit(main())"

HANG_UP = "hang up"
"""What is typed to close the terminal."""

INSIST_SECONDS = 8
"""Between two times that a key is typed: a second Ctrl-C within the first one's exit would be another thing to do."""


@dataclass(frozen=True)
class Shown:
    """What came to the terminal, and how the command ended."""

    text: str
    code: int


def on_a_terminal(
    *arguments: str,
    typed: Sequence[tuple[str, str]] = (),
    env: Mapping[str, str] | None = None,
    entry: str = ENTRY,
    insist: str = "",
    seconds: float = 60,
) -> Shown:
    """Run the command on a terminal.

    Args:
        arguments: its command line.
        typed: what is waited for, one after the other, and what is then typed.
        env: added to its environment.
        entry: the program.
        insist: typed again and again after all of that, for a key that Python may take a moment too early to notice.
        seconds: how long it may take.
    """
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE + entry, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **(env or {})},
        start_new_session=True,
    )
    os.close(terminal)
    left, at, text = list(typed), 0, ""
    deadline = time.monotonic() + seconds
    insisted = time.monotonic()
    gone = False
    while time.monotonic() < deadline and not gone:
        if insist and not left and time.monotonic() - insisted > INSIST_SECONDS:
            insisted = time.monotonic()
            os.write(controller, insist.encode())
        if select.select([controller], [], [], 0.1)[0]:
            try:
                piece = os.read(controller, 65536)
            except OSError:
                # The other side of a terminal is closed when the last process on it has ended.
                break
            text += piece.decode(errors="replace")
        while left and left[0][0] in text[at:]:
            waits, line = left.pop(0)
            at = text.index(waits, at) + len(waits)
            gone = line == HANG_UP
            if not gone:
                os.write(controller, line.encode())
    os.close(controller)
    return Shown(text.replace("\r\n", "\n"), process.wait(timeout=10))
