"""How the commands of the benchmarks run, and how they end where something is in their way: with a sentence."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from local.errors import LocalError
from local.network import bypass_proxies
from local.shell import CommandError
from stacks.automation.errors import AutomationError
from stacks.settings import SettingsError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def run(main: Callable[[], None]) -> NoReturn:
    """Run a benchmark, and turn the errors that a person can mend into sentences."""
    bypass_proxies()
    try:
        main()
    except (LocalError, AutomationError) as error:
        _end(error.problem, error.remedy)
    except SettingsError as error:
        _end(str(error), "Correct the stack file and run the same command again.")
    except CommandError as error:
        notes = "\n".join(getattr(error, "__notes__", ()))
        _end(f"{error}\n{notes}", "`make local-status` shows what runs of the embedded cluster.")
    except subprocess.CalledProcessError as error:
        words = " ".join(map(str, error.cmd))
        _end(f"`{words}` ended with {error.returncode}.\n{error.stderr or ''}", "Run it by itself, which may say more.")
    except TimeoutError as error:
        _end(
            f"{error}, in vain.", "Run it again when the machine has less to do; `make local-status` shows the cluster."
        )
    except KeyboardInterrupt:
        _end(
            "Interrupted.",
            "What it had started is stopped. It measures from the beginning when it is run again.",
            code=INTERRUPTED,
        )
    sys.exit(0)


def when_seen(
    look: Callable[[], bool], command: Callable[[], None], what: str, *, every: float, seconds: float
) -> float:
    """The time, by the monotonic clock, when something was first seen that a command brings about.

    It is looked for all the while that the command runs, and so long after it. Where the command fails, nobody looks
    any more.

    Args:
        look: says whether it is there.
        command: what brings it about.
        what: what is looked for, for the error.
        every: seconds between two looks.
        seconds: how long it is looked for after the command.

    Raises:
        TimeoutError: when it was not seen.
    """
    over = threading.Event()
    seen: list[float] = []

    def watch() -> None:
        while not over.is_set():
            if look():
                seen.append(time.monotonic())
                return
            over.wait(every)

    # A request that hangs must not keep the program from ending.
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        command()
        watcher.join(seconds)
    finally:
        over.set()
    if not seen:
        message = f"waited {seconds:.0f} s for {what}"
        raise TimeoutError(message)
    return seen[0]


def _end(problem: str, remedy: str, *, code: int = 1) -> NoReturn:
    print(f"{problem.strip()}\n{remedy}", file=sys.stderr)
    sys.exit(code)
