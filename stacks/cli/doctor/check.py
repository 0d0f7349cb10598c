"""What a check says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["ok", "warning", "failed", "skipped"]
"""``warning``: an update may go well all the same. ``skipped``: it does not concern this stack."""


@dataclass(frozen=True)
class Check:
    """One thing that a stack needs."""

    name: str
    """What was looked at."""
    outcome: Outcome
    """What became of it."""
    seen: str
    """What is there, or what is wrong."""
    remedy: str = ""
    """What to do about it, where it is not ``ok``."""


Checks = Iterator[Check]
"""The checks of one subject, as they are made."""


def guarded(name: str, check: Callable[[], Check], failures: tuple[type[Exception], ...]) -> Check:
    """The check, or a failed one that says what its error says: a problem and a remedy."""
    from stacks.cli.errors import told

    try:
        return check()
    except failures as error:
        said = told(error)
        return Check(name, "failed", said.problem, said.remedy)
