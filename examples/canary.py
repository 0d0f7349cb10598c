"""Give a canary more and more of a route, as long as it answers as fast and as safely as the model that it replaces.

python -m examples.canary prod chat > promotion.patch && git apply promotion.patch
"""

import sys

from stacks import automation

STEPS = (10, 50, 100)
"""Shares of the canary, in percent, one after the other."""


def main(stack: str, route: str, seconds: float = 300, slower: float = 1.2, failing: float = 0.01) -> None:
    """Promote the canary of ROUTE on STACK step by step, or roll it back.

    It may be SLOWER times as slow to its first token as the other model, and FAILING more of its requests may fail.
    """
    for percent in STEPS:
        promotion = automation.promote(stack, route, percent=percent)
        canary, other = sorted(promotion.shares, key=lambda name: promotion.written[name])
        seen = automation.measure(stack, route, seconds=seconds).models
        print(f"{percent} %: {seen}", file=sys.stderr)
        if canary not in seen or is_worse(seen[canary], seen.get(other), slower, failing):
            automation.rollback(stack, route)
            raise SystemExit(f"{canary} was rolled back at {percent} %.")
    print(promotion.patch, end="")


def is_worse(
    canary: automation.ModelMeasurement, other: automation.ModelMeasurement | None, slower: float, failing: float
) -> bool:
    """Whether the canary is. At 100 % there is no other any more, and only failures count."""
    if canary.error_rate > (other.error_rate if other else 0) + failing:
        return True
    if canary.ttft_p95 is None:
        return True
    return other is not None and other.ttft_p95 is not None and canary.ttft_p95 > slower * other.ttft_p95


if __name__ == "__main__":
    automation.script(main)
