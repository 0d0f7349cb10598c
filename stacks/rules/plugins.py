"""Rules about Higress's plugins."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule

if TYPE_CHECKING:
    from stacks.settings import StackSettings


def _masks_something(stack: "StackSettings") -> Iterator[str]:
    if stack.gateway.kind == "envoy" or stack.gateway.data_masking is None:
        return
    if not stack.gateway.data_masking.masks and not stack.gateway.data_masking.deny_words:
        yield (
            "modelyard:gateway.dataMasking: neither masks nor denyWords is given, so every request would be read for "
            "nothing: write one of them, or leave dataMasking out"
        )


PLUGIN_RULES: tuple[Rule, ...] = (_masks_something,)
