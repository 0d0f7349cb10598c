"""Rules about objects that a stack takes over."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.settings import StackSettings


def _once(stack: "StackSettings") -> Iterator[str]:
    seen: dict[object, int] = {}
    for index, each in enumerate(stack.adopt):
        key = each.kind, each.namespace or stack.cluster.namespace, each.name
        if key in seen:
            yield (
                f"modelyard:adopt[{index}]: {each.kind} {each.name!r} stands at adopt[{seen[key]}] already, and it can "
                "be taken over once: remove one of them"
            )
        seen.setdefault(key, index)


ADOPTION_RULES = (_once,)
