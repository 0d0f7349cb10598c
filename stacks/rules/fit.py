"""What GPUs have memory for, and how they can share a model."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule

if TYPE_CHECKING:
    from stacks.settings import StackSettings


def _fits(stack: "StackSettings") -> Iterable[str]:
    # The fit check is made of settings, and this module is there before they are.
    from stacks.fit.report import problems

    return problems(stack) if stack.fit.check == "refuse" else ()


FIT_RULES: tuple[Rule, ...] = (_fits,)
