"""What went wrong, as a sentence, the next step and an exit code."""

import errno
from dataclasses import dataclass

from stacks.cli.exits import ExitCode

TRACEBACK = "MODELYARD_TRACEBACK"
"""The environment variable with which a fault of Modelyard itself shows where it is."""

_OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""Errors of what is open already, which name no file."""


class CliError(Exception):
    """Something that the person can put right.

    Args:
        problem: one sentence: what was wanted and why it cannot be had.
        remedy: what to do about it.
        code: how the command ends.
    """

    def __init__(self, problem: str, remedy: str, code: ExitCode) -> None:
        self.problem = problem
        self.remedy = remedy
        self.code = code
        super().__init__(f"{problem}\n{remedy}")


@dataclass(frozen=True)
class Told:
    """An error as it is printed."""

    problem: str
    """What was wanted, and why it cannot be had. Several problems of a stack file are a line each."""
    remedy: str
    """What to do about it."""
    code: int
    """How the command ends."""


def told(error: Exception) -> Told:
    """What is said of an error, whichever part of Modelyard has raised it."""
    if isinstance(error, CliError):
        return Told(error.problem, error.remedy, error.code)
    for explain in (_of_settings, _of_kubectl, _of_automation, _of_the_machine):
        if said := explain(error):
            return said
    return _internal(error)


def _of_settings(error: Exception) -> Told | None:
    from stacks.settings import SettingsError
    from stacks.stack_file import UnknownStackError

    if isinstance(error, UnknownStackError):
        return Told(f"{error}.", "`modelyard init` makes a stack file.", ExitCode.NOT_FOUND)
    if not isinstance(error, SettingsError):
        return None
    return Told(
        f"This stack cannot work as it is written:\n{error}",
        "Correct the stack file and run the same command again.",
        ExitCode.SETTINGS,
    )


def _of_kubectl(error: Exception) -> Told | None:
    from stacks import kubectl

    if not isinstance(error, kubectl.KubectlError):
        return None
    from stacks.automation.running import of_kubectl

    return _of_automation(of_kubectl(error))


def _of_automation(error: Exception) -> Told | None:
    from stacks.automation.errors import AutomationError

    if not isinstance(error, AutomationError):
        return None
    return Told(error.problem, error.remedy, error.exit_code)


def _of_the_machine(error: Exception) -> Told | None:
    if not isinstance(error, OSError):
        return None
    if error.filename is None:
        return _unwritten(error) if error.errno in _OF_WRITING else None
    return Told(
        f"{error.filename}: {error.strerror}.",
        "Check that the path is there and that you may use it.",
        ExitCode.FAILED,
    )


def _unwritten(error: OSError) -> Told:
    return Told(
        f"What this command writes could not be written: {error.strerror}.",
        "Make room there, or send its output somewhere else.",
        ExitCode.FAILED,
    )


def _internal(error: Exception) -> Told:
    return Told(
        f"A fault of Modelyard itself: {type(error).__name__}: {error}",
        f"Run the same command with {TRACEBACK}=1, which shows where it is, and report both.",
        ExitCode.INTERNAL,
    )
