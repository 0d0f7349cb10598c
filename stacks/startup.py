"""How long a replica may take to start. Pure arithmetic over the size of its weights."""

import math

from stacks.fit import estimated_weights_gib
from stacks.settings import ModelSettings

UNKNOWN_SECONDS = 1800
"""The limit for weights of unknown size."""

PROCESS_SECONDS = 150
"""vLLM's own start, compilation, CUDA graphs and first steps of a small model, with nothing cached."""

SECONDS_PER_GIB = 3
"""What a GiB of weights adds to these: larger models have more layers to compile and to capture."""

BEFORE_SECONDS = 300
"""What a replica may take before its container starts: scheduling, and the pull of an image of several GB."""

PATIENCE = 2
"""The limit over the expected time. A probe that gives up too early restarts the whole start, for ever."""

STEP_SECONDS = 60
"""Limits are multiples of it, so that a better estimate of the size does not change every pod."""

DOWNLOADED = ("hf", "modelscope", "s3")
"""Schemes of sources that are read over the network when nothing is cached."""


def startup_seconds(model: ModelSettings) -> int:
    """Longest time, in seconds, from a container's start to its first healthy answer.

    What the model's settings say, else twice what its weights are expected to take with nothing cached.
    """
    if model.probes.startup_seconds is not None:
        return model.probes.startup_seconds
    gib = estimated_weights_gib(model)
    if gib is None:
        return UNKNOWN_SECONDS
    return math.ceil(PATIENCE * expected_seconds(model, gib) / STEP_SECONDS) * STEP_SECONDS


def replica_seconds(model: ModelSettings) -> int:
    """Longest time, in seconds, from the order of a replica to its first healthy answer."""
    return BEFORE_SECONDS + startup_seconds(model)


def expected_seconds(model: ModelSettings, gib: float) -> float:
    """How long a start is expected to take with nothing cached, in seconds.

    Args:
        model: the model.
        gib: size of its weights, in GiB.
    """
    probes, mib = model.probes, gib * 1024
    downloaded = model.source.partition("://")[0] in DOWNLOADED
    download = mib / probes.download_mib_per_second if downloaded else 0
    return PROCESS_SECONDS + SECONDS_PER_GIB * gib + mib / probes.load_mib_per_second + download
