"""What a failed Pulumi command means, in words."""

import re
from collections.abc import Sequence

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

_LOCK = re.compile(r"created by (?P<holder>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")
_REFUSED = "This stack cannot work as it is written:"


def explained(
    stack: str, command: str, messages: Sequence[str], violations: Sequence[PolicyViolated], cancelled: bool
) -> AutomationError:
    """The error that a failed command is.

    Args:
        stack: the stack's name.
        command: what was run, such as ``up``.
        messages: what the engine and the program said of errors, and what Pulumi wrote to its standard error.
        violations: the policies that do not hold.
        cancelled: whether the caller had asked for an end.
    """
    said = "\n".join(message.strip() for message in messages if message.strip())
    kept = tuple(message.strip() for message in messages if message.strip())
    if cancelled:
        return CancelledError(
            f"`pulumi {command}` of the stack '{stack}' was cancelled.",
            "What was made until then stays, and the next update goes on from there.",
            messages=kept,
        )
    if f"no stack named '{stack.rpartition('/')[2]}' found" in said or re.search(r"no stack named '.*' found", said):
        return StackMissingError(
            f"Pulumi knows no stack '{stack}' where it keeps its state.",
            "Check the name and `pulumi whoami --verbose`, which says where that is; an update makes the stack.",
            messages=kept,
        )
    if "the stack is currently locked" in said or "Another update is currently in progress" in said:
        return _locked(stack, said, kept)
    if "passphrase" in said:
        return PassphraseError(
            f"The secrets of the stack '{stack}' cannot be read: {_line_with(said, 'passphrase')}",
            "Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the one that the stack was made with.",
            messages=kept,
        )
    if _REFUSED in said:
        return SettingsRefusedError(
            said[said.index(_REFUSED) :].strip(),
            f"Correct stacks/Pulumi.{stack.rpartition('/')[2]}.yaml and run the same again: nothing was changed.",
            messages=kept,
        )
    if any(violation.mandatory for violation in violations):
        broken = [violation for violation in violations if violation.mandatory]
        return PolicyViolatedError(
            "\n".join(f"{each.policy}: {each.text}" for each in broken),
            "Change what they name, or waive them where your policies allow it; nothing was changed.",
            messages=kept,
        )
    if "Unauthorized" in said or "the server has asked for the client to provide credentials" in said:
        return CredentialsError(
            f"The cluster of the stack '{stack}' does not accept the credentials of its kubeconfig: "
            f"{_line_with(said, 'nauthorized|credentials')}",
            "Log in again, as `kubectl get nodes` with the same kubeconfig asks you to.",
            messages=kept,
        )
    if "configured Kubernetes cluster is unreachable" in said or "connection refused" in said:
        return UnreachableError(
            f"The cluster of the stack '{stack}' does not answer: {_line_with(said, 'unreachable|refused')}",
            "Check modelyard:cluster.kubeconfig, .context and KUBECONFIG with `kubectl get nodes`.",
            messages=kept,
        )
    return UpdateFailedError(
        f"`pulumi {command}` of the stack '{stack}' failed:\n{said}",
        "Correct what the messages name and run the same again: it goes on from what is made already.",
        messages=kept,
    )


def transient(error: AutomationError) -> bool:
    """Whether the same may go well in a moment: nothing of it is wrong, somebody just did not answer."""
    return (
        isinstance(error, UpdateFailedError | UnreachableError)
        and bool(error.messages)
        and all(_TRANSIENT.search(message) or _CONSEQUENCE.fullmatch(message) for message in error.messages)
    )


_TRANSIENT = re.compile(
    r"i/o timeout|TLS handshake timeout|connection reset by peer|http2: client connection lost|unexpected EOF"
    r"|etcdserver: (leader changed|request timed out)|the server is currently unable to handle the request"
    r"|[Tt]oo [Mm]any [Rr]equests|context deadline exceeded",
)
_CONSEQUENCE = re.compile(r"(error: )?(update|preview|refresh|destroy) failed")


def _locked(stack: str, said: str, messages: Sequence[str]) -> LockedError:
    lock = _LOCK.search(said)
    holder = f"{lock['holder']} (process {lock['pid']})" if lock else None
    since = lock["since"] if lock else None
    who = f"{holder} holds it since {since}" if lock else "its backend does not say whose"
    return LockedError(
        f"The stack '{stack}' is locked by another update: {who}.",
        f"Wait for its end. If it was killed, `pulumi cancel --stack {stack}` removes the lock.",
        messages=messages,
        holder=holder,
        since=since,
    )


def _line_with(text: str, pattern: str) -> str:
    return next((line.strip() for line in text.splitlines() if re.search(pattern, line)), text.strip())
