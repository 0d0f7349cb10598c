"""What changes a stack, and what says what that would be."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stacks.cli import output
from stacks.cli.exits import ExitCode
from stacks.cli.options import (
    DEFAULT_STACK,
    Headers,
    Json,
    Route,
    Stack,
    Yes,
    check_somebody_is_there,
    headers_of,
)

if TYPE_CHECKING:
    from stacks.cli.update import Order

PolicyPacks = Annotated[
    list[Path] | None,
    typer.Option("--policy-pack", metavar="FOLDER", help="A policy pack that has to hold. Can be given several times."),
]
PolicyPackConfigs = Annotated[
    list[Path] | None,
    typer.Option(
        "--policy-pack-config", metavar="FILE", help="Parameters of a policy pack, one file each in their order."
    ),
]
Refresh = Annotated[bool, typer.Option("--refresh", help="Read the cluster before anything is compared.")]
Parallel = Annotated[int | None, typer.Option(min=1, help="Resources that are worked on at a time. Default: all.")]
Message = Annotated[str | None, typer.Option("--message", "-m", help="What the history says that it was for.")]
PromotedTo = Annotated[
    str | None,
    typer.Option("--to", metavar="MODEL", help="The model that gets the share, where the stack file leaves it open."),
]


def preview(
    stack: Stack = DEFAULT_STACK,
    policy_pack: PolicyPacks = None,
    policy_pack_config: PolicyPackConfigs = None,
    refresh: Refresh = False,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="End with 1 if anything differs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what an update would do. Nothing on the cluster is changed; a new stack gets an empty state."""
    from stacks.cli import update

    order = _order(stack, as_json, policy_packs=policy_pack, policy_pack_configs=policy_pack_config, refresh=refresh)
    result = update.preview(order)
    if expect_no_changes and result.changed:
        raise typer.Exit(ExitCode.FAILED)


def up(
    stack: Stack = DEFAULT_STACK,
    yes: Yes = False,
    policy_pack: PolicyPacks = None,
    policy_pack_config: PolicyPackConfigs = None,
    refresh: Refresh = False,
    parallel: Parallel = None,
    message: Message = None,
    as_json: Json = False,
) -> None:
    """Bring the cluster to what the stack file says. Shows first what that changes, and asks."""
    from stacks.cli import update

    order = _order(
        stack,
        as_json,
        policy_packs=policy_pack,
        policy_pack_configs=policy_pack_config,
        refresh=refresh,
        parallel=parallel,
        message=message,
    )
    if not yes:
        check_somebody_is_there(as_json)
        if not update.preview(order).changed:
            return
        _ask(f"Update the stack {stack!r}?")
    update.up(order)


def refresh(stack: Stack = DEFAULT_STACK, parallel: Parallel = None, as_json: Json = False) -> None:
    """Read from the cluster into Pulumi's state what is there. The cluster is not changed."""
    from stacks.cli import update

    update.refresh(_order(stack, as_json, parallel=parallel))


def destroy(
    stack: Stack = DEFAULT_STACK,
    yes: Yes = False,
    remove: Annotated[bool, typer.Option("--remove", help="Also forget the empty stack and its history.")] = False,
    parallel: Parallel = None,
    message: Message = None,
    as_json: Json = False,
) -> None:
    """Remove everything that the stack has made. Asks first."""
    from stacks.cli import update

    if not yes:
        check_somebody_is_there(as_json)
        _ask(f"Destroy everything that the stack {stack!r} has made?")
    update.destroy(_order(stack, as_json, remove=remove, parallel=parallel, message=message))


def promote(
    route: Route,
    percent: Annotated[int, typer.Option(min=0, max=100, help="The canary's share.")] = 100,
    to: PromotedTo = None,
    header: Headers = None,
    stack: Stack = DEFAULT_STACK,
    yes: Yes = False,
    message: Message = None,
    as_json: Json = False,
) -> None:
    """Give a route's canary a larger share. Nothing but the gateway is updated; asks first."""
    from stacks.cli import promotion

    move = promotion.Move(route, headers_of(header), to)
    if not yes:
        check_somebody_is_there(as_json)
        _ask(f"Give {to or 'the canary'} {percent} % of the route {route!r} of the stack {stack!r}?")
    promotion.promote(_order(stack, as_json, message=message), move, percent)


def rollback(
    route: Route,
    to: PromotedTo = None,
    header: Headers = None,
    stack: Stack = DEFAULT_STACK,
    yes: Yes = False,
    message: Message = None,
    as_json: Json = False,
) -> None:
    """Take a route's canary out. Nothing but the gateway is updated; asks first."""
    from stacks.cli import promotion

    move = promotion.Move(route, headers_of(header), to)
    if not yes:
        check_somebody_is_there(as_json)
        _ask(f"Give {to or 'what was there before'} all of the route {route!r} of the stack {stack!r}?")
    promotion.rollback(_order(stack, as_json, message=message), move)


def recover(stack: Stack = DEFAULT_STACK, as_json: Json = False) -> None:
    """Take up what an update that was killed left. Its lock, and objects that the state does not know."""
    from stacks.cli import update

    update.recover(_order(stack, as_json))


def _order(
    stack: str,
    as_json: bool,
    *,
    policy_packs: list[Path] | None = None,
    policy_pack_configs: list[Path] | None = None,
    refresh: bool = False,
    remove: bool = False,
    parallel: int | None = None,
    message: str | None = None,
) -> "Order":
    from stacks.automation import Options
    from stacks.cli.commands.policy_packs import check_policy_packs
    from stacks.cli.update import Order

    check_policy_packs(policy_packs or (), policy_pack_configs or ())
    options = Options(
        policy_packs=tuple(policy_packs or ()),
        policy_pack_configs=tuple(policy_pack_configs or ()),
        refresh=refresh,
        remove=remove,
        parallel=parallel,
        message=message,
    )
    return Order(stack, options, as_json)


def _ask(question: str) -> None:
    if not typer.confirm(question):
        output.line("Nothing was changed.")
        raise typer.Exit(ExitCode.FAILED)
