"""What a failed Pulumi command means, in words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stacks.automation.errors import (
    AutomationError,
    CancelledError,
    CredentialsError,
    LockedError,
    PassphraseError,
    PolicyViolatedError,
    SettingsRefusedError,
    StackMissingError,
    UnreachableError,
    UpdateFailedError,
)
from stacks.automation.events import PolicyViolated


@dataclass(frozen=True)
class Failure:
    """A command that failed."""

    stack: str
    """The stack's name, as Pulumi was told."""
    command: str
    """What was run, such as ``up``."""
    complaints: str
    """What Pulumi wrote to its standard error. Before an update begins this says all that is wrong."""
    errors: Sequence[str] = ()
    """What the engine, the program and providers said of errors, once the update had begun."""
    violations: Sequence[PolicyViolated] = ()
    """Policies that do not hold."""
    cancelled: bool = False
    """Whether the caller had asked for an end."""
    messages: tuple[str, ...] = field(init=False)
    """All that was said, without what only follows from it."""

    def __post_init__(self) -> None:
        # What stands ahead of the first error are remarks, such as which token Pulumi logs in with.
        complaint = self.complaints[max(0, self.complaints.find("error: ")) :]
        said = [text.strip().removeprefix("error: ") for text in (*self.errors, complaint)]
        object.__setattr__(self, "messages", tuple(text for text in said if text and not _CONSEQUENCE.fullmatch(text)))

    @property
    def name(self) -> str:
        """The stack's name without organization and project, as its file has it."""
        return self.stack.rpartition("/")[2]

    @property
    def own(self) -> str:
        """What Pulumi and its providers met themselves, without what pods and clients did."""
        return "\n".join(text for text in self.messages if not _QUOTING.search(text))

    def line_with(self, pattern: str) -> str:
        """The first line of its own that matches, or else all of it."""
        return next((line.strip() for line in self.own.splitlines() if re.search(pattern, line)), self.own)


@dataclass(frozen=True)
class _Meaning:
    """What it means that Pulumi says something."""

    error: type[AutomationError]
    pattern: str
    """What is found in what was said."""
    problem: str
    """With ``{stack}``, ``{command}`` and ``{line}``, the line that says it."""
    remedy: str
    """With ``{stack}`` and ``{name}``, the one that its file has."""


_FULL = r"no space left on device|disk quota exceeded"
_NO_ROOM = _Meaning(
    UpdateFailedError,
    _FULL,
    "There is no room left where Pulumi keeps the state of '{stack}', or for its temporary files: {line}",
    "Free some of that disk and run the same again: what was made stays, and it goes on from the last whole state.",
)

_BEFORE = (
    _NO_ROOM,
    _Meaning(
        SettingsRefusedError,
        r"invalid YAML file",
        "The file of the stack '{stack}' cannot be read: {line}",
        "Correct stacks/Pulumi.{name}.yaml there.",
    ),
    _Meaning(
        StackMissingError,
        r"no stack named '.*' found",
        "Pulumi knows no stack '{stack}' where it keeps its state.",
        "Check the name, and with `pulumi whoami --verbose` where that is. An update makes a stack that has a file.",
    ),
    _Meaning(
        PassphraseError,
        r"passphrase",
        "The secrets of the stack '{stack}' cannot be read: {line}",
        "Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to what the stack was made with.",
    ),
    _Meaning(
        PassphraseError,
        r"secrets manager|open keeper",
        "The key that the secrets of the stack '{stack}' are encrypted with cannot be used: {line}",
        "Log in to the cloud that has the key, or ask for the right to decrypt with it.",
    ),
    _Meaning(
        CredentialsError,
        r"PULUMI_ACCESS_TOKEN|[Uu]nauthorized|\b401\b|\b403\b|AccessDenied|InvalidAccessKeyId|[Ff]orbidden"
        r"|get credentials|could not find default credentials|[Pp]ermission denied",
        "Pulumi may not use the place where the state of '{stack}' is: {line}",
        "Log in again with `pulumi login`, or to the cloud whose bucket it is; PULUMI_BACKEND_URL names the place.",
    ),
    _Meaning(
        UnreachableError,
        r"dial tcp|connection refused|no such host|i/o timeout|unable to open bucket|performing HTTP request",
        "The place where Pulumi keeps the state of '{stack}' does not answer: {line}",
        "Check PULUMI_BACKEND_URL, or what `pulumi login` was told, and the network.",
    ),
)
"""What Pulumi says before an update begins."""

_DURING = (
    replace(_NO_ROOM, pattern=rf"failed to save snapshot.*({_FULL})"),
    _Meaning(
        CredentialsError,
        r"Unauthorized|asked for the client to provide credentials|getting credentials: ",
        "The cluster of the stack '{stack}' does not know who asks: {line}",
        "The login has expired, or is of another cluster: log in again, until `kubectl auth whoami` with the same "
        "kubeconfig and context succeeds.",
    ),
    _Meaning(
        CredentialsError,
        r"\bis forbidden: User |cannot (get|list|create|patch|update|delete|watch) resource",
        "The cluster of the stack '{stack}' does not allow it: {line}",
        "Have the role of this user extended; `kubectl auth can-i --list` shows what it has.",
    ),
    _Meaning(
        UnreachableError,
        r"failed to parse kubeconfig|context .* does not exist|no configuration has been provided",
        "The kubeconfig of the stack '{stack}' cannot be used: {line}",
        "Correct modelyard:cluster.kubeconfig and .context, or KUBECONFIG, until `kubectl get nodes` succeeds.",
    ),
    _Meaning(
        UnreachableError,
        r"configured Kubernetes cluster is unreachable|dial tcp .*(refused|timeout|no such host|no route)",
        "The cluster of the stack '{stack}' does not answer: {line}",
        "Check that it runs, and modelyard:cluster.kubeconfig, .context and KUBECONFIG with `kubectl get nodes`.",
    ),
)
"""What providers say during an update."""

_QUOTING = re.compile(
    # Of a change these words tell its refusal too, which stands right behind them.
    r"failed to fully initialize or become live(?!: (Unauthorized$|.* is forbidden: User ))"
    r"|\[Pod |does not keep what it promises",
    re.MULTILINE,
)
"""Messages that quote what pods, or the requests of ``verify``, met: no fault of whoever updates, nor one that passes
when the same is tried again at once."""

_CONSEQUENCE = re.compile(r"(update|preview|refresh|destroy) (failed|canceled)")
_REFUSED = "This stack cannot work as it is written:"
_LOCKED = r"the stack is currently locked|Another update is currently in progress"
_LOCK = re.compile(r"created by (?P<holder>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")

_TRACEBACK = "Traceback (most recent call last):"
_NO_FAULT = re.compile(r"\b\d+ errors? occurred:$|^\d+\) Unknown$|^warning: ")
"""Lines beside those that say what went wrong: a list's head, an error of a bucket without its code, remarks."""

_TRANSIENT = re.compile(
    r"i/o timeout|TLS handshake timeout|connection reset by peer|http2: client connection lost|unexpected EOF"
    r"|etcdserver: (leader changed|request timed out)|the server is currently unable to handle the request"
    r"|[Tt]oo [Mm]any [Rr]equests|502 Bad Gateway|503 Service Unavailable|504 Gateway Time-?out"
)


def explained(failure: Failure) -> AutomationError:
    """The error that a failed command is."""
    said, own = "\n".join(failure.messages), failure.own
    if failure.cancelled:
        return CancelledError(
            f"`pulumi {failure.command}` of the stack '{failure.stack}' was cancelled.",
            "What was made until then stays, and the next update goes on from there.",
            messages=failure.messages,
        )
    if re.search(_LOCKED, own):
        return _locked(failure, own)
    if _REFUSED in said:
        return SettingsRefusedError(
            said[said.index(_REFUSED) :],
            f"Correct stacks/Pulumi.{failure.name}.yaml, or what it extends, and run the same again.",
            messages=failure.messages,
        )
    broken = [violation for violation in failure.violations if violation.mandatory]
    if broken:
        return PolicyViolatedError(
            "\n".join(f"{each.pack}, {each.policy}: {each.text}" for each in broken),
            "Change what they name, or waive them where the policies have a way to.",
            messages=failure.messages,
        )
    for meaning in _DURING if failure.errors else _BEFORE:
        if re.search(meaning.pattern, own):
            line = failure.line_with(meaning.pattern)
            return meaning.error(
                meaning.problem.format(stack=failure.stack, command=failure.command, line=line),
                meaning.remedy.format(stack=failure.stack, name=failure.name),
                messages=failure.messages,
            )
    return UpdateFailedError(
        f"`pulumi {failure.command}` of the stack '{failure.stack}' failed:\n{said}",
        "Correct what it names and run the same again: it goes on from what is made already.",
        messages=failure.messages,
    )


def transient(error: AutomationError) -> bool:
    """Whether the same may go well in a moment: nothing of it is wrong, somebody just did not answer."""
    return (
        isinstance(error, UpdateFailedError | UnreachableError)
        and bool(error.messages)
        and not any(_QUOTING.search(message) for message in error.messages)
        and all(_TRANSIENT.search(fault) for message in error.messages for fault in _faults(message))
    )


def _faults(message: str) -> list[str]:
    """What a message says that went wrong: each of a list, the end of a traceback, or else each of its lines."""
    if _TRACEBACK in message:
        return message.splitlines()[-1:]
    lines = [line.strip() for line in message.splitlines()]
    return [line for line in lines if line and not _NO_FAULT.search(line)]


def locked(stack: str, holder: str | None, since: str | None, messages: Sequence[str] = ()) -> LockedError:
    """The error that a stack is locked: by whom, and since when, where that is known."""
    who = f"{holder} holds it since {since}" if holder else "where its state is, nobody says whose"
    return LockedError(
        f"The stack '{stack}' is locked by another update: {who}.",
        f"Wait for its end. Only if it was killed: `pulumi cancel --stack {stack}` takes the lock away.",
        messages=messages,
        holder=holder,
        since=since,
    )


def _locked(failure: Failure, said: str) -> LockedError:
    lock = _LOCK.search(said)
    if lock is None:
        return locked(failure.stack, None, None, failure.messages)
    return locked(failure.stack, f"{lock['holder']} (process {lock['pid']})", lock["since"], failure.messages)
