"""Running programs, with what they print in a log."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO


class CommandError(Exception):
    """A program that exited with an error; its output is in the log it was given."""

    def __init__(self, argv: Sequence[str], code: int) -> None:
        self.argv = list(argv)
        self.code = code
        super().__init__(f"{' '.join(self.argv[:6])} exited with {code}")


def run_logged(
    argv: Sequence[str],
    log: IO[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a program with its output in ``log`` and ``env`` added to this process's environment.

    Raises:
        CommandError: when it exits with another code than 0.
    """
    log.write(f"$ {' '.join(argv)}\n")
    log.flush()
    finished = subprocess.run(
        argv,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if finished.returncode:
        raise CommandError(argv, finished.returncode)


def start_detached(argv: Sequence[str], log: Path) -> None:
    """Start a program that outlives this one, its output added to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        # Forked once more: it is init's child and not ours, so nobody has to wait for it.
        subprocess.run(
            ["setsid", "--fork", *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            check=True,
        )


def output_of(argv: Sequence[str], *, stdin: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """What a short program prints.

    Raises:
        CommandError: when it exits with another code than 0; its text ends with what the program complained of.
    """
    finished = subprocess.run(
        argv, input=stdin, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if finished.returncode:
        error = CommandError(argv, finished.returncode)
        error.add_note(finished.stderr.strip())
        raise error
    return finished.stdout


def run_to_its_end(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], capture: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a program that is never cut off: after Ctrl+C, which it gets as well, it has the time that it takes to end.

    ``subprocess.run`` would kill it a quarter of a second later. An update by Pulumi would leave its lock, and not know
    what it was making.

    Args:
        argv: the program and its arguments.
        cwd: where it runs.
        env: the whole of its environment.
        capture: whether its output goes into the result, and not where this program's goes.

    Raises:
        KeyboardInterrupt: once it has ended, where Ctrl+C was pressed meanwhile.
    """
    pipe = subprocess.PIPE if capture else None
    interrupted: KeyboardInterrupt | None = None
    with subprocess.Popen(argv, cwd=cwd, env=env, text=True, stdout=pipe, stderr=pipe) as process:
        while True:
            try:
                stdout, stderr = process.communicate()
                break
            except KeyboardInterrupt as error:
                interrupted = error
    if interrupted:
        raise interrupted
    return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)
