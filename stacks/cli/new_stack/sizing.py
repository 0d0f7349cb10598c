"""How many GPUs a model needs and how long its context can be, by the fit check."""

from dataclasses import dataclass

from stacks.cli.new_stack.answers import Answers, Weights
from stacks.fit.report import report
from stacks.settings import load

GPU_COUNTS = (1, 2, 4, 8)
"""GPUs of a replica that are tried, the fewest first."""

LEAST_CONTEXT = 4096
"""The shortest context for which fewer GPUs are taken, in tokens."""


@dataclass(frozen=True)
class Size:
    """What a model gets."""

    gpus: int
    """GPUs of a replica."""
    max_model_len: int | None
    """Longest context, in tokens. None: the model's own."""


def size(answers: Answers, weights: Weights) -> Size:
    """The fewest GPUs of a node that hold a model, with its own context or with a shorter one of a use.

    Where nothing fits, or nothing is known of the model, it is the fewest, and the settings' rules have the last word.

    Raises:
        SettingsError: when the answers are nothing that a stack can be made of.
    """
    for gpus in GPU_COUNTS:
        if gpus > answers.gpus_per_node:
            break
        (line,) = report(load(_trial(answers, weights, gpus)))
        if line.fit is None:
            break
        if line.fit.fits:
            return Size(gpus, None)
        if (longest := _power_of_two(line.fit.longest)) >= LEAST_CONTEXT:
            return Size(gpus, longest)
    return Size(1, None)


def _trial(answers: Answers, weights: Weights, gpus: int) -> dict[str, object]:
    pool = {"name": "gpu", "gpuModel": answers.gpu_model, "gpusPerNode": answers.gpus_per_node}
    model = {"name": weights.model_name, "source": weights.source, "pool": "gpu", "gpus": gpus}
    return {"fit": {"check": "warn"}, "pools": [pool], "models": [model]}


def _power_of_two(tokens: int) -> int:
    """The largest power of two that is no more."""
    return 1 << (tokens.bit_length() - 1) if tokens > 0 else 0
