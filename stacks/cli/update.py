"""Runs the operations that Pulumi does, and prints what they come to."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stacks import automation
from stacks.automation import Options, Planned, PolicyViolated, Result
from stacks.cli import output
from stacks.cli.progress.wording import duration, is_component, kind_of
from stacks.cli.signals import ending_well

if TYPE_CHECKING:
    from stacks.cli.progress.watching import Look

_SIGNS = {"create": "+", "update": "~", "delete": "-", "replace": "±", "import": "=", "read": ">", "refresh": "~"}
_PAST = {"create": "created", "update": "updated", "delete": "deleted", "replace": "replaced", "same": "unchanged"}


@dataclass(frozen=True)
class Order:
    """How an operation is run and shown."""

    stack: str
    """The stack's name."""
    options: Options
    """What Pulumi is told."""
    as_json: bool
    """Whether programs read what is printed."""


def preview(order: Order) -> automation.PreviewResult:
    """Print what an update would do."""
    with cancellable() as cancelled:
        result = automation.preview(order.stack, options=order.options, cancelled=cancelled)
    if order.as_json:
        output.document({**common(result), "steps": [_step(step) for step in _shown(result.steps)]})
    else:
        _print_plan(result)
    return result


def up(order: Order) -> None:
    """Bring the cluster to what the stack's settings say, and print how it goes."""
    from stacks.cli.progress.watching import followed

    with cancellable() as cancelled, followed(_looker(order), as_json=order.as_json) as heard:
        result = automation.up(order.stack, options=order.options, on_event=heard, cancelled=cancelled)
    if order.as_json:
        output.document({**common(result), "outputs": result.outputs})
        return
    output.line(summary("Updated", result))
    if verified := result.outputs.get("verify"):
        output.line(_verified(verified))
    if url := result.outputs.get("base_url"):
        output.line(f"Clients use {url}", bold=True)


def refresh(order: Order) -> None:
    """Read from the cluster into the state what is there."""
    from stacks.cli.progress.watching import followed

    with cancellable() as cancelled, followed(None, as_json=order.as_json) as heard:
        result = automation.refresh(order.stack, options=order.options, on_event=heard, cancelled=cancelled)
    _print_end("Read", result, order)


def recover(order: Order) -> None:
    """Take up what an update that was killed left behind."""
    from stacks.cli.progress.watching import followed

    with followed(None, as_json=order.as_json) as heard:
        adopted = automation.recover(order.stack, options=order.options, on_event=heard)
    if order.as_json:
        output.document({"stack": order.stack, "adopted": list(adopted)})
        return
    for urn in adopted:
        output.line(urn.rpartition("$")[2])
    output.line(f"The stack {order.stack!r} is free for the next update: nothing is left of one that was killed.")


def destroy(order: Order) -> None:
    """Remove from the cluster everything that the stack has made."""
    from stacks.cli.progress.watching import followed

    with cancellable() as cancelled, followed(None, as_json=order.as_json) as heard:
        result = automation.destroy(order.stack, options=order.options, on_event=heard, cancelled=cancelled)
    _print_end("Destroyed", result, order)


def _verified(found: Mapping[str, Any]) -> str:
    """What the verification after an update came to, by the stack's output."""
    outcomes = [verdict["outcome"] for verdict in found.get("verdicts", ())]
    kept, broken = outcomes.count("passed"), outcomes.count("failed")
    if not broken:
        return f"Verified: {kept} of {len(outcomes)} promises were seen to be kept, and none is broken."
    return f"{broken} of {len(outcomes)} promises are broken: `modelyard verify` says which."


def _print_end(what: str, result: Result, order: Order) -> None:
    if order.as_json:
        output.document(common(result))
    else:
        output.line(summary(what, result))


def _looker(order: Order) -> "Look | None":
    """What says what the pods do. None, after a line that says why, where nobody can say which cluster to ask."""
    # What only an update needs would be a tenth of the time that a preview takes.
    from stacks.cli.errors import CliError
    from stacks.cli.platform.state import look
    from stacks.cli.stack import Stack

    try:
        stack = Stack.named(order.stack)
    except (CliError, automation.AutomationError) as error:
        output.note(f"What pods do is not shown: {error.problem.splitlines()[0]}")
        return None
    return lambda: look(stack.kubectl, stack.settings)


@contextmanager
def cancellable() -> Iterator[threading.Event]:
    """Makes an order to end one to end well: what is under way is finished. A second Ctrl-C is the usual end."""
    cancelled = threading.Event()

    def cancel() -> None:
        cancelled.set()
        output.note("Ending as soon as what is under way is finished; Ctrl-C again ends at once.")

    with ending_well(cancel):
        yield cancelled


def _print_plan(result: automation.PreviewResult) -> None:
    for step in _shown(result.steps):
        changes = f"  ({', '.join(step.changes)})" if step.changes else ""
        sign = _SIGNS.get(step.operation, "?")
        output.line(f"{sign} {step.operation:8} {kind_of(step.resource):24} {step.resource.name}{changes}")
    for warning in result.warnings:
        output.line(f"warning: {warning}", colour="yellow")
    for violation in result.violations:
        output.line(f"advice of policy {violation.policy}: {violation.text}", colour="yellow")
    output.line(summary("An update would leave the cluster so", result) if result.changed else "Nothing would change.")


def _shown(steps: tuple[Planned, ...]) -> list[Planned]:
    """The steps that do something on the cluster."""
    return [step for step in steps if not is_component(step.resource)]


def summary(what: str, result: Result) -> str:
    """What an operation came to, as a sentence."""
    counts = [f"{count} {_PAST.get(operation, operation)}" for operation, count in sorted(result.changes.items())]
    return f"{what}, in {duration(result.seconds)}: {', '.join(counts) or 'nothing'}."


def common(result: Result) -> dict[str, Any]:
    """What an operation came to, for programs."""
    return {
        "stack": result.stack,
        "changed": result.changed,
        "changes": dict(result.changes),
        "seconds": round(result.seconds, 1),
        "attempts": result.attempts,
        "warnings": list(result.warnings),
        "violations": [_violation(each) for each in result.violations],
    }


def _violation(violation: PolicyViolated) -> Mapping[str, Any]:
    return {"policy": violation.policy, "pack": violation.pack, "text": violation.text}


def _step(step: Planned) -> Mapping[str, Any]:
    resource = step.resource
    return {
        "operation": step.operation,
        "type": resource.type,
        "name": resource.name,
        "urn": resource.urn,
        "component": {"kind": resource.component.kind, "name": resource.component.name},
        "changes": list(step.changes),
    }
