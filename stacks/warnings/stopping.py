"""What is worth a word about how long pods may take to stop. Nothing here asks a network."""

import math
from collections.abc import Iterator

from stacks.settings import StackSettings


def drain_warnings(stack: StackSettings) -> list[str]:
    """One sentence for every route that was given longer answers than its models get to finish.

    Only for timeouts that somebody has written: the default is an upper bound, and says nothing of the answers.
    """
    return list(_longer_than_the_drain(stack))


def _longer_than_the_drain(stack: StackSettings) -> Iterator[str]:
    drains = {model.name: model.probes.drain_seconds for model in stack.models}
    for index, route in enumerate(stack.routes):
        if "answer_seconds" not in route.timeouts.model_fields_set:
            continue
        answer = route.timeouts.answer_seconds
        for name in route.reached:
            if drains[name] >= answer:
                continue
            yield (
                f"modelyard:routes[{index}].timeouts.answerSeconds: {answer:g}, and a pod of {name!r} that stops gives "
                f"running answers {drains[name]}, so a rollout may cut longer ones: write probes.drainSeconds: "
                f"{math.ceil(answer)} for that model, or a smaller answerSeconds"
            )
