"""How long a replica may take to start and to stop."""

from typing import Annotated

from pydantic import Field

from stacks.settings.base import Int32, Settings

TERMINATION_MARGIN_SECONDS = 30
"""What a pod gets, after its requests were drained, to end by itself before it is killed."""

OF_THE_ENTRYPOINT = {"handover_seconds", "hung_seconds", "warm_up_tokens"}
"""Fields that only the ``serving`` package reads."""


class ProbeSettings(Settings):
    """How long a replica may take to start and to stop."""

    startup_seconds: Int32 | None = Field(default=None, ge=10)
    """Longest time from the container's start to the first healthy answer. Default: what the size of the weights
    makes of it, or 1800 where that is not known."""
    download_mib_per_second: Int32 = Field(default=100, ge=1)
    """How fast weights come from where they are downloaded, in MiB a second. It counts for the default above."""
    load_mib_per_second: Int32 = Field(default=500, ge=1)
    """How fast weights go from the node's disk or a volume onto the GPUs, in MiB a second. It counts there, too."""
    drain_seconds: Int32 = Field(default=120, ge=1)
    """Longest time that running generations get when the pod is told to stop."""

    handover_seconds: Int32 = Field(default=3, ge=0)
    """How long a pod that is told to stop still takes new requests, until the gateway knows. It counts as a part of
    ``drainSeconds``. For ``serving.entrypoint: modelyard``."""
    hung_seconds: Int32 = Field(default=300, ge=0)
    """How long an engine that has requests may make no step before its pod is restarted. 0: for ever. For
    ``serving.entrypoint: modelyard``."""
    warm_up_tokens: tuple[Annotated[int, Field(ge=1, le=10_000_000)], ...] = ()
    """Lengths of prompts, in tokens, that a replica answers before it is ready, beside a short one. For
    ``serving.entrypoint: modelyard``."""

    @property
    def termination_grace_seconds(self) -> int:
        """Seconds from the order to stop until the pod is killed."""
        return self.drain_seconds + TERMINATION_MARGIN_SECONDS
