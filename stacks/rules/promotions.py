"""Rules about promotions: each is of a route with a canary, and moves nothing but its shares."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule

if TYPE_CHECKING:
    from stacks.settings import StackSettings


def _moves_shares(stack: "StackSettings") -> Iterator[str]:
    routes = {(route.model, tuple(route.headers.items())): route for route in stack.routes}
    for index, promotion in enumerate(stack.promotions):
        place = f"modelyard:promotions[{index}]"
        route = routes.get((promotion.route, tuple(promotion.headers.items())))
        if route is None or len(route.upstreams) < 2:
            canaries = ", ".join(repr(each.model) for each in stack.routes if len(each.upstreams) > 1)
            yield (
                f"{place}.route: {promotion.route!r} is no route with several upstreams, so there are no shares to "
                f"move: write one of {canaries}, or give the route a second upstream"
                if canaries
                else f"{place}.route: {promotion.route!r}, and no route of modelyard:routes has several upstreams, so "
                "there are no shares to move: give it a second upstream, or remove this"
            )
            continue
        wanted = [(each.model, each.adapter) for each in route.upstreams]
        if sorted(map(str, wanted)) != sorted(str((each.model, each.adapter)) for each in promotion.upstreams):
            yield (
                f"{place}.upstreams: these are other models than those of the route {promotion.route!r}, and a "
                f"promotion moves shares between them: name {', '.join(repr(model) for model, _ in wanted)}"
            )
        elif (total := sum(each.weight for each in promotion.upstreams)) != 100:
            yield f"{place}.upstreams: the weights add up to {total}, and they are shares of 100: correct them"


PROMOTION_RULES: tuple[Rule, ...] = (_moves_shares,)
