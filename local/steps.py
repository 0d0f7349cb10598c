"""Setup as steps: each is skipped when done, goes on after an interruption, and says what to try when it fails."""

import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from local.errors import LocalError
from local.paths import Paths

_UNREACHABLE = re.compile(
    r"no such host|could not resolve|temporary failure (in name )?resol|connection refused|connection timed out"
    r"|network is unreachable|i/o timeout|failed to connect|dns error|error sending request|tls handshake",
    re.IGNORECASE,
)
_NO_SPACE = re.compile(r"no space left on device", re.IGNORECASE)


@dataclass(frozen=True)
class Step:
    """One part of the setup.

    A step must be safe to run again after it was stopped anywhere; its ``fingerprint`` is
    kept when it ends well, and it is skipped as long as that stays the same.
    """

    name: str
    """What is made, in a word or two; it also names the log."""
    fingerprint: Callable[[], str]
    """Hash of everything that the result depends on."""
    run: Callable[[IO[str]], None]
    """Makes it, writing to the log it is given."""
    made: tuple[Path, ...]
    """What must be there for the step to count as done."""
    remedy: str
    """What to try when it fails."""
    after: tuple[str, ...] = ()
    """Steps that must be done before."""
    disk_gib: float = 0.5
    """Free disk that it needs, downloads included."""


class Reporter(Protocol):
    """What is told of the steps while they run."""

    def started(self, name: str, log: Path) -> None:
        """A step began."""

    def skipped(self, name: str) -> None:
        """A step was done already."""

    def finished(self, name: str, seconds: float) -> None:
        """A step ended well."""

    def failed(self, name: str, seconds: float) -> None:
        """A step failed."""


def is_done(step: Step, paths: Paths) -> bool:
    """Whether a step's result is there and its inputs have not changed since."""
    marker = paths.done / _slug(step.name)
    return marker.is_file() and marker.read_text() == step.fingerprint() and all(path.exists() for path in step.made)


def run_steps(steps: Iterable[Step], paths: Paths, reporter: Reporter, *, workers: int = 3) -> None:
    """Run the steps that are not done, several at a time, each after those it needs.

    Raises:
        LocalError: when a step failed; the others under way are finished first.
    """
    waiting = {step.name: step for step in steps}
    paths.done.mkdir(parents=True, exist_ok=True)
    paths.logs.mkdir(parents=True, exist_ok=True)
    running: dict[Future[None], Step] = {}
    done: set[str] = set()
    failures: list[LocalError] = []
    with ThreadPoolExecutor(workers) as pool:
        while waiting or running:
            for step in [step for step in waiting.values() if set(step.after) <= done and not failures]:
                del waiting[step.name]
                if is_done(step, paths):
                    reporter.skipped(step.name)
                    done.add(step.name)
                else:
                    running[pool.submit(_run, step, paths, reporter)] = step
            if not running:
                if failures or not any(set(step.after) <= done for step in waiting.values()):
                    break
                continue
            try:
                finished = wait(running, return_when=FIRST_COMPLETED).done
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            for future in finished:
                step = running.pop(future)
                error = future.exception()
                if error is None:
                    done.add(step.name)
                else:
                    failures.append(_explain(step, error, paths))
    if failures:
        raise failures[0]


def _run(step: Step, paths: Paths, reporter: Reporter) -> None:
    log_path = log_of(step, paths)
    reporter.started(step.name, log_path)
    begin = time.monotonic()
    try:
        with log_path.open("w") as log:
            step.run(log)
    except BaseException:
        reporter.failed(step.name, time.monotonic() - begin)
        raise
    # The fingerprint comes last: a step stopped before this line runs again.
    (paths.done / _slug(step.name)).write_text(step.fingerprint())
    reporter.finished(step.name, time.monotonic() - begin)


def _explain(step: Step, error: BaseException, paths: Paths) -> LocalError:
    if isinstance(error, LocalError):
        return error
    log = log_of(step, paths)
    tail = log.read_text(errors="replace")[-4000:]
    problem = f"The step '{step.name}' failed: {error}. Its log is {log}"
    if _NO_SPACE.search(tail) or _NO_SPACE.search(str(error)):
        return LocalError(f"{problem}, and it ends for want of disk space.", f"Free some disk under {paths.home}.")
    if _UNREACHABLE.search(tail):
        return LocalError(
            f"{problem}, and it says that a package registry could not be reached.",
            "Check this machine's network and proxy settings, then run the same command: it goes on from here.",
        )
    return LocalError(f"{problem}.", step.remedy)


def log_of(step: Step, paths: Paths) -> Path:
    """The log of a step."""
    return paths.logs / f"setup-{_slug(step.name)}.log"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
