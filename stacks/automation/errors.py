"""What can go wrong, each with a sentence, a way out and an exit code for commands."""

from collections.abc import Sequence
from typing import ClassVar


class AutomationError(Exception):
    """Something that the caller can put right.

    Args:
        problem: what was wanted and why it failed, in sentences for a person.
        remedy: what to do about it.
        messages: what Pulumi and the program said, errors first to last, for logs.
    """

    exit_code: ClassVar[int] = 1
    """What a command ends with. docs/cli.md lists them."""

    def __init__(self, problem: str, remedy: str, *, messages: Sequence[str] = ()) -> None:
        self.problem = problem
        self.remedy = remedy
        self.messages = tuple(messages)
        super().__init__(f"{problem}\n{remedy}")


class UpdateFailedError(AutomationError):
    """The update ran and some of it failed: what was made before stays, and the same update goes on from there."""

    exit_code: ClassVar[int] = 8


class SettingsRefusedError(AutomationError):
    """The stack's settings cannot work as they are written, so nothing was changed."""

    exit_code: ClassVar[int] = 3


class MissingToolError(AutomationError):
    """A program that is needed is not there, or too old."""

    exit_code: ClassVar[int] = 4


class UnreachableError(AutomationError):
    """The cluster, or the place where Pulumi keeps its state, does not answer."""

    exit_code: ClassVar[int] = 5


class CredentialsError(AutomationError):
    """The cluster or the place of the state answers, and does not accept who asks: expired, wrong, or not allowed."""

    exit_code: ClassVar[int] = 6


class LockedError(AutomationError):
    """Another update of this stack runs, or was killed and left its lock.

    Args:
        holder: who holds it, such as ``ana@laptop (process 4711)``, or None where the backend does not say.
        since: since when, as the backend wrote it (RFC 3339), or None.
    """

    exit_code: ClassVar[int] = 7

    def __init__(
        self,
        problem: str,
        remedy: str,
        *,
        messages: Sequence[str] = (),
        holder: str | None = None,
        since: str | None = None,
    ) -> None:
        super().__init__(problem, remedy, messages=messages)
        self.holder = holder
        self.since = since


class PassphraseError(AutomationError):
    """The secrets of the stack cannot be read: no passphrase, a wrong one, or no access to the key."""

    exit_code: ClassVar[int] = 6


class StackMissingError(AutomationError):
    """There is no stack of that name: it has no file, or Pulumi knows none."""

    exit_code: ClassVar[int] = 9


class ObjectMissingError(AutomationError):
    """The cluster has no such object, or no such kind of object."""

    exit_code: ClassVar[int] = 9


class PolicyViolatedError(AutomationError):
    """A mandatory policy is broken, so nothing was changed."""

    exit_code: ClassVar[int] = 1


class CancelledError(AutomationError):
    """The caller asked for an end. What was made until then stays, and the state knows of it."""

    exit_code: ClassVar[int] = 130
