"""What vLLM takes for the settings that a stack leaves out, as of 0.32.0."""

from dataclasses import dataclass

from stacks.fit.gpus import Gpu
from stacks.settings.models import ModelSettings

UTILIZATION = 0.92
"""``gpu_memory_utilization`` (``config/cache.py``)."""
LARGE_GIB, HUGE_GIB = 70, 160
"""Memory from which a GPU gets larger steps (``EngineArgs.get_batch_defaults``)."""


@dataclass(frozen=True)
class Steps:
    """How much an engine computes at a time."""

    tokens: int
    """Most tokens of one step: ``max_num_batched_tokens``."""
    sequences: int
    """Most sequences of one step: ``max_num_seqs``."""


def steps(model: ModelSettings, memory_gib: float, gpu: Gpu | None) -> Steps:
    """The steps of vLLM's server for a model on such a GPU."""
    engine = model.engine
    default = _default_steps(memory_gib, gpu)
    return Steps(
        tokens=engine.max_num_batched_tokens or default.tokens,
        sequences=engine.max_num_seqs or default.sequences,
    )


def in_flight_tokens(model: ModelSettings, step: Steps) -> int:
    """Tokens that may be under way at a time: one step is prepared while others run."""
    return (model.engine.pipeline_parallel_size + 1) * step.tokens


def _default_steps(memory_gib: float, gpu: Gpu | None) -> Steps:
    if memory_gib >= HUGE_GIB:
        return Steps(16384, 1024)
    if memory_gib >= LARGE_GIB and not (gpu and "A100" in gpu.name):
        return Steps(8192, 1024)
    return Steps(2048, 256)
