"""Moves the shares of a route between its models, and prints what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from stacks import automation
from stacks.cli import output
from stacks.cli.progress.watching import followed
from stacks.cli.update import Order, cancellable, common, summary


@dataclass(frozen=True)
class Move:
    """Which shares are moved."""

    route: str
    """The route's ``model``."""
    headers: Mapping[str, str]
    """The route's headers."""
    to: str | None
    """The model that they are moved to. None: the canary, or in a rollback what was there before it."""


def promote(order: Order, move: Move, percent: int) -> None:
    """Give a canary its share."""
    with cancellable() as cancelled, followed(None, as_json=order.as_json) as heard:
        result = automation.promote(
            order.stack,
            move.route,
            to=move.to,
            percent=percent,
            headers=move.headers,
            options=order.options,
            on_event=heard,
            cancelled=cancelled,
        )
    _print(result, order)


def rollback(order: Order, move: Move) -> None:
    """Take a canary out."""
    with cancellable() as cancelled, followed(None, as_json=order.as_json) as heard:
        result = automation.rollback(
            order.stack,
            move.route,
            to=move.to,
            headers=move.headers,
            options=order.options,
            on_event=heard,
            cancelled=cancelled,
        )
    _print(result, order)


def _print(result: automation.PromotionResult, order: Order) -> None:
    moved = {
        "route": result.route,
        "shares": dict(result.shares),
        "written": dict(result.written),
        "patch": result.patch,
    }
    if order.as_json:
        output.document({**common(result.update), **moved})
        return
    output.line(summary("Updated", result.update))
    output.line(f"The route {result.route!r} goes to {_listed(result.shares)}.", bold=True)
    if result.shares != result.written:
        output.line(f"Updates keep that, and warn, as long as the stack's files say {_listed(result.written)}.")
    if result.patch:
        output.line("What to commit instead, for `git apply`:")
        output.line(result.patch.rstrip("\n"))


def _listed(shares: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {share} %" for name, share in shares.items())
