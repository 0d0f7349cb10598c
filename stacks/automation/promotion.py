"""Moves the shares of a route between its models: a canary is promoted, step by step or at once, or rolled back."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stacks.automation.errors import ObjectMissingError, SettingsRefusedError
from stacks.automation.operations import outputs, up
from stacks.automation.options import DEFAULTS, Options
from stacks.automation.results import UpResult
from stacks.automation.runner import OnEvent
from stacks.automation.workspace import settings_of_file, stack_file

if TYPE_CHECKING:
    from stacks.settings import RouteSettings, UpstreamSettings

GATEWAY = "**modelyard:index:*Gateway**"
"""The URNs of the gateway and all that is in it, for ``--target``: nothing else moves with a promotion."""


@dataclass(frozen=True)
class PromotionResult:
    """What became of a route's shares."""

    update: UpResult
    """The update that moved them. It touched nothing but the gateway."""
    route: str
    """The route."""
    shares: Mapping[str, int]
    """The shares that count now, in percent, by model (``model@adapter`` where one answers)."""
    written: Mapping[str, int]
    """The shares that the stack's files say. Where they differ, each further update keeps ``shares`` and warns."""
    patch: str
    """What to commit, so that the files say what runs: a unified diff for ``git apply``, with all comments kept. Empty
    where the files say so already, or where the stack's own file does not spell out the route's weights."""


def promote(
    stack: str,
    route: str,
    *,
    to: str | None = None,
    percent: int = 100,
    headers: Mapping[str, str] | None = None,
    options: Options = DEFAULTS,
    on_event: OnEvent | None = None,
    cancelled: threading.Event | None = None,
) -> PromotionResult:
    """Give a route's canary a larger share, by default everything.

    The shares count until somebody edits the route in the stack's files: every further update keeps them, a plain
    ``pulumi up`` too, and warns that the files say something else. No file is changed.

    Args:
        stack: the stack's name.
        route: the route's ``model``.
        to: the model that gets the share, ``model@adapter`` where the route says so. Default: of two models the one
            with the smaller share in the files.
        percent: its share, from 0 to 100. What is left goes to the others, as the files divide it between them.
        headers: the route's headers, where it has some.
        options: how the update is run.
        on_event: called with every event as it comes.
        cancelled: set it from another thread to end the update in an orderly way.

    Raises:
        ObjectMissingError: there is no such route, or no such model in it, or the stack is not up.
        SettingsRefusedError: the files leave open which model is the canary: name it in ``to``.
        AutomationError: the update failed, as the subclass that says why.
    """
    found = _route(stack, route, headers or {}, options)
    index = _index_of(found, to) if to else _smallest(stack, found)
    return _move(stack, found, shares(found.upstreams, index, percent), options, on_event, cancelled)


def rollback(
    stack: str,
    route: str,
    *,
    to: str | None = None,
    headers: Mapping[str, str] | None = None,
    options: Options = DEFAULTS,
    on_event: OnEvent | None = None,
    cancelled: threading.Event | None = None,
) -> PromotionResult:
    """Take a route's canary out: everything goes to the model with the largest share in the files.

    What a promotion moved is taken back by it, and a canary that never was promoted gets no request any more. The
    shares count as those of ``promote`` do, and arguments are as there.

    Raises:
        ObjectMissingError: there is no such route, or no such model in it, or the stack is not up.
        SettingsRefusedError: the files give everything to one model already, so that they don't say which was
            before: name it in ``to``.
        AutomationError: the update failed, as the subclass that says why.
    """
    found = _route(stack, route, headers or {}, options)
    index = _index_of(found, to) if to else _largest(stack, found, options)
    return _move(stack, found, shares(found.upstreams, index, 100), options, on_event, cancelled)


def shares(upstreams: "Sequence[UpstreamSettings]", index: int, percent: int) -> list[int]:
    """The shares of a route when one of its models gets ``percent``: the others divide the rest as they do now.

    Raises:
        SettingsRefusedError: ``percent`` is no share.
    """
    if not 0 <= percent <= 100:
        raise SettingsRefusedError(f"{percent} is no share in percent.", "Write one from 0 to 100.")
    others = [number for number in range(len(upstreams)) if number != index]
    weights = {number: upstreams[number].weight for number in others}
    if not any(weights.values()):
        weights = dict.fromkeys(others, 1)
    found = {number: (100 - percent) * weight // sum(weights.values()) for number, weight in weights.items()}
    found[index] = percent
    # What rounding left over goes to the others, the one with the largest share first.
    for number in sorted(others, key=lambda each: -weights[each])[: 100 - sum(found.values())]:
        found[number] += 1
    return [found[number] for number in range(len(upstreams))]


def name_of(upstream: "UpstreamSettings") -> str:
    """What a share is called by: ``model``, or ``model@adapter``."""
    return f"{upstream.model}@{upstream.adapter}" if upstream.adapter else upstream.model


def _route(stack: str, name: str, headers: Mapping[str, str], options: Options) -> "RouteSettings":
    settings = settings_of_file(stack, options)
    canaries = [route for route in settings.routes if len(route.upstreams) > 1]
    for route in canaries:
        if route.model == name and route.headers == headers:
            return route
    known = ", ".join(f"'{route.model}'" for route in canaries)
    raise ObjectMissingError(
        f"The stack '{stack}' has no route '{name}'{f' with the headers {dict(headers)}' if headers else ''} with "
        "several upstreams, so there are no shares to move.",
        f"Name one of {known}, or give the route a second upstream."
        if known
        else f"Give a route a second upstream in {stack_file(stack, options).name}.",
    )


def _index_of(route: "RouteSettings", name: str) -> int:
    names = [name_of(upstream) for upstream in route.upstreams]
    if name not in names:
        raise ObjectMissingError(
            f"'{name}' is no upstream of the route '{route.model}'.", f"Name one of {', '.join(names)}."
        )
    return names.index(name)


def _smallest(stack: str, route: "RouteSettings") -> int:
    weights = [upstream.weight for upstream in route.upstreams]
    if len(weights) > 2 or weights[0] == weights[1]:
        names = ", ".join(f"{name_of(upstream)} {upstream.weight} %" for upstream in route.upstreams)
        raise SettingsRefusedError(
            f"Which model of the route '{route.model}' is the canary is open: the files of '{stack}' say {names}.",
            "Name it in `to`.",
        )
    return weights.index(min(weights))


def _largest(stack: str, route: "RouteSettings", options: Options) -> int:
    weights = [upstream.weight for upstream in route.upstreams]
    largest = max(weights)
    if weights.count(largest) > 1 or (largest == 100 and not _is_moved(stack, route, options)):
        names = ", ".join(f"{name_of(upstream)} {upstream.weight} %" for upstream in route.upstreams)
        raise SettingsRefusedError(
            f"Which model of the route '{route.model}' was there before is open: its file says {names}.",
            "Name it in `to`.",
        )
    return weights.index(largest)


def _is_moved(stack: str, route: "RouteSettings", options: Options) -> bool:
    """Whether other shares than those of the files count now."""
    moved = outputs(stack, options=options).get("promotions") or []
    return any(each["route"] == route.model and each["headers"] == dict(route.headers) for each in moved)


def _move(
    stack: str,
    route: "RouteSettings",
    weights: Sequence[int],
    options: Options,
    on_event: OnEvent | None,
    cancelled: threading.Event | None,
) -> PromotionResult:
    if not outputs(stack, options=options):
        raise ObjectMissingError(
            f"The stack '{stack}' is not up, so its route '{route.model}' has no shares yet.",
            f"Bring it up first, with the shares that {stack_file(stack, options).name} is to begin with.",
        )
    upstreams: list[dict[str, Any]] = [
        {**upstream.model_dump(by_alias=True, exclude_none=True), "weight": weight}
        for upstream, weight in zip(route.upstreams, weights, strict=True)
    ]
    promotion = {"route": route.model, "headers": dict(route.headers), "upstreams": upstreams}
    settings = {**options.settings, "promotions": [promotion]}
    message = options.message or f"Shares of the route {route.model}"
    chosen = replace(options, settings=settings, targets=options.targets or (GATEWAY,), message=message)
    from stacks.automation.patch import patch_of

    update = up(stack, options=chosen, on_event=on_event, cancelled=cancelled)
    names = [name_of(upstream) for upstream in route.upstreams]
    return PromotionResult(
        update=update,
        route=route.model,
        shares=dict(zip(names, weights, strict=True)),
        written={name: upstream.weight for name, upstream in zip(names, route.upstreams, strict=True)},
        patch=patch_of(stack_file(stack, options), route.model, route.headers, weights),
    )
