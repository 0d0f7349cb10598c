"""What a check finds."""

from dataclasses import dataclass
from typing import Literal

from serving.exits import ExitCode


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    """Its name."""
    outcome: Literal["ok", "skipped", "failed"]
    """Whether the server can start, as far as this check knows."""
    text: str
    """What is there; where it failed, also why that can't work and what to change."""
    code: ExitCode = ExitCode.STOPPED
    """What the process exits with, where it failed."""


def ok(check: str, text: str) -> Finding:
    """The finding that all is well."""
    return Finding(check, "ok", text)


def skipped(check: str, text: str) -> Finding:
    """The finding that there is nothing to check, and why."""
    return Finding(check, "skipped", text)


def failed(check: str, code: ExitCode, text: str) -> Finding:
    """The finding that the server can't start."""
    return Finding(check, "failed", text, code)
