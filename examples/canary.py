"""Give a canary more and more of a route, as long as it answers as fast and as safely as the model that it replaces.

python -m examples.canary prod chat > promotion.patch && git apply promotion.patch
"""

import sys

from stacks import automation

STEPS = (10, 50, 100)
"""Shares of the canary, in percent, one after the other."""


FEWEST = 30
"""Requests that a canary has to have had before anything is concluded from them."""


def main(stack: str, route: str, seconds: float = 300, slower: float = 1.2, failing: float = 0.01) -> None:
    """Promote the canary of ROUTE on STACK step by step, or roll it back.

    It may be SLOWER times as slow to its first token as the other model, and FAILING more of its requests may fail.
    Each step is watched for SECONDS, in which enough requests have to reach it.
    """
    # A route that cannot be asked could not be watched either.
    before = automation.measure(stack, route, seconds=1)
    if all(each.failed == each.requests for each in before.models.values()):
        raise SystemExit(f"No model of {route} answers, so nothing was promoted.")
    for percent in STEPS:
        try:
            promotion = automation.promote(stack, route, percent=percent)
            seen = automation.measure(stack, route, seconds=seconds)
        except BaseException:
            roll_back(stack, route, percent)
            raise
        canary, other = sorted(promotion.shares, key=lambda name: promotion.written[name])
        print(f"{percent} %: {seen}", file=sys.stderr)
        if is_worse(seen, canary, other, slower, failing):
            automation.rollback(stack, route)
            raise SystemExit(f"{canary} was rolled back at {percent} %.")
    print(promotion.patch, end="")


def roll_back(stack: str, route: str, percent: int) -> None:
    """Roll back a step that could not be finished. What ended it is about to be raised, and stays the fault to tell."""
    try:
        automation.rollback(stack, route)
    except Exception as error:
        print(f"The canary of {route} still has its share, for it cannot be rolled back: {error}", file=sys.stderr)
    else:
        print(f"The canary of {route} was rolled back at {percent} %, which could not be finished.", file=sys.stderr)


def is_worse(seen: automation.Measurement, canary: str, other: str, slower: float, failing: float) -> bool:
    """Whether the canary is. At 100 % there is no other any more, and only failures count.

    Which of the two failed where a fallback answered, or nothing did, is not known: it counts against the canary. So do
    requests that could not even be sent, and a canary that had too few of them.
    """
    own, others = seen.models.get(canary), seen.models.get(other)
    if own is None or own.requests < FEWEST or own.failed == own.requests:
        return True
    unclear = seen.fallen_back + seen.unanswered + seen.unsent
    if (own.failed + unclear) / (own.requests + unclear) > (others.error_rate if others else 0) + failing:
        return True
    if own.ttft_p95 is None or others is None or others.ttft_p95 is None:
        return False
    return own.ttft_p95 > slower * others.ttft_p95


if __name__ == "__main__":
    automation.script(main)
