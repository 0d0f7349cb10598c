"""What was promoted or rolled back since the stack's files were written, and goes on to count.

An update moves the shares of a canary, and the files of the stack stay as they are. So each update exports the shares
that differ from the files, and the next one reads them again: it keeps them as long as the files say of that route
what they said then. Whoever edits the route decides anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from stacks.rules import problems
from stacks.settings import PromotionSettings, RouteSettings, Settings, SettingsError, StackSettings

SomeSettings = TypeVar("SomeSettings", bound=Settings)

OUTPUT = "promotions"
"""The output that has them."""


def has_canary(stack: StackSettings) -> bool:
    """Whether any route has shares to move."""
    return any(len(route.upstreams) > 1 for route in stack.routes)


def with_promotions(written: StackSettings, before: Sequence[Mapping[str, Any]]) -> StackSettings:
    """The settings of a stack with the shares that count.

    Args:
        written: what its files say, with the promotions that this update is told to make.
        before: what the update before this one exported.

    Returns:
        The settings, whose ``promotions`` are those that differ from the files, with what these say.

    Raises:
        SettingsError: when the stack cannot work with such shares.
    """
    ordered = {_key(each): each for each in written.promotions}
    kept = {_key(each): each for each in map(PromotionSettings.model_validate, before)}
    routes: list[RouteSettings] = []
    counting: list[PromotionSettings] = []
    for route in written.routes:
        key = (route.model, tuple(sorted(route.headers.items())))
        promotion = ordered.get(key) or kept.get(key)
        holds = promotion is not None and (key in ordered or promotion.instead_of == route.upstreams)
        if promotion is None or not holds or promotion.upstreams == route.upstreams:
            routes.append(route)
            continue
        routes.append(_changed(route, upstreams=promotion.upstreams))
        counting.append(promotion.model_copy(update={"instead_of": route.upstreams}))
    if not counting and not written.promotions:
        return written
    stack = _changed(written, routes=tuple(routes), promotions=tuple(counting))
    if found := problems(stack):
        raise SettingsError(found)
    return stack


def exported(stack: StackSettings) -> list[dict[str, Any]]:
    """The promotions that count, as the output has them for the next update."""
    return [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in stack.promotions]


def _changed(settings: SomeSettings, **fields: Any) -> SomeSettings:
    """The same settings with other values of some fields. A plain copy would keep what follows from the old ones."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    made = type(settings).model_construct(settings.model_fields_set | fields.keys(), **{**values, **fields})
    return cast("SomeSettings", made)


def _key(promotion: PromotionSettings) -> tuple[str, tuple[tuple[str, str], ...]]:
    return promotion.route, tuple(sorted(promotion.headers.items()))
