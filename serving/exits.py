"""The exit codes of ``python -m serving``, and why a container ended. docs/serving.md lists them."""

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What a container's exit code says. Codes from 128 on would look like signals."""

    STOPPED = 0
    SETTINGS = 2
    GPUS = 10
    DRIVER = 11
    GPU_MEMORY_TAKEN = 12
    SHARED_MEMORY = 13
    DISK = 14
    TOKEN = 15
    PORT = 16
    WEIGHTS = 17
    MODEL_CONFIG = 18
    ARGUMENTS = 20
    GPU_MEMORY = 21
    HOST_MEMORY = 22
    CUDA = 23
    HUNG = 24
    WARM_UP = 25
    CRASHED = 26
    CUT = 27


@dataclass(frozen=True)
class Reason:
    """Why a container ended."""

    code: ExitCode
    """What the process exits with."""
    sentence: str
    """What happened, and what to change in the stack file, for the container's termination message."""
