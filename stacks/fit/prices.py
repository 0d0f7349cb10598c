"""Prices of GPUs, for what the models of a stack cost in an hour."""

from collections.abc import Mapping

from stacks.settings.stack import StackSettings

LIST_PRICES: Mapping[str, float] = {
    "NVIDIA-A10G": 1.006,
    "NVIDIA-L4": 0.8048,
    "NVIDIA-L40S": 1.861,
    "Tesla-T4": 0.526,
}
"""US dollars an hour of one GPU with the smallest machine around it (g5, g6, g6e and g4dn ``.xlarge``): AWS's list
price on demand for Linux in us-east-1, as public tables of 2026 agree on it. GPUs on whose price they don't, or which
are sold by eights only, have none."""


def price(stack: StackSettings, gpu: str) -> float | None:
    """Price of one GPU for an hour: the stack's own, or the list's where it has none at all. None: not known.

    The two are never mixed, for the stack's may be of another currency.
    """
    return (stack.fit.prices or LIST_PRICES).get(gpu)
