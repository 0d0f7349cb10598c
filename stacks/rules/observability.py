"""Rules about monitors and objectives."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import Rule, instead

if TYPE_CHECKING:
    from stacks.settings import StackSettings


def _objectives_of_models(stack: "StackSettings") -> Iterator[str]:
    if stack.observability is None:
        return
    names = {model.name for model in stack.models}
    for name in stack.observability.alerts.model_ttft_seconds:
        if name not in names:
            yield (
                f"modelyard:observability.alerts.modelTtftSeconds: {name!r} is no model of the stack, so nothing "
                f"could be held to it: {instead(names, 'modelyard:models')}"
            )


def _one_monitor_of_the_gateway(stack: "StackSettings") -> Iterator[str]:
    if (
        stack.observability
        and stack.observability.monitors
        and stack.gateway.kind == "higress"
        and stack.higress.metrics
    ):
        yield (
            "modelyard:gateway.metrics: given together with modelyard:observability, which has the gateway's "
            "PodMonitor made too, and there is only one: remove it, and write its labels and intervalSeconds in "
            "modelyard:observability"
        )


OBSERVABILITY_RULES: tuple[Rule, ...] = (_objectives_of_models, _one_monitor_of_the_gateway)
"""Rules about monitors and objectives."""
