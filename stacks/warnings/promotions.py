"""What is worth a word about routes whose shares are not those of their file."""

from collections.abc import Iterable

from stacks.settings import StackSettings, UpstreamSettings


def promotion_warnings(stack: StackSettings) -> list[str]:
    """One sentence for every route whose shares were moved, and stand in no file yet."""
    places = {(route.model, str(route.headers)): index for index, route in enumerate(stack.routes)}
    return [
        f"modelyard:routes[{places[each.route, str(each.headers)]}].upstreams: route {each.route!r} was promoted or "
        f"rolled back to {shares(each.upstreams)}, which counts, and its file still says {shares(each.instead_of)}: "
        "write the new weights there, and any others to end this"
        for each in stack.promotions
    ]


def shares(upstreams: Iterable[UpstreamSettings]) -> str:
    """The shares of a route in words, such as ``qwen3-8b 90 %, phi-4-mini 10 %``."""
    return ", ".join(f"{each.model}{f'@{each.adapter}' if each.adapter else ''} {each.weight} %" for each in upstreams)
