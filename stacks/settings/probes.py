"""How long a replica may take to start and to stop."""

from pydantic import Field

from stacks.settings.base import Settings

TERMINATION_MARGIN_SECONDS = 30
"""What a pod gets, after its requests were drained, to end by itself before it is killed."""


class ProbeSettings(Settings):
    """How long a replica may take to start and to stop."""

    startup_seconds: int = Field(default=1800, ge=10)
    """Longest time from the container's start to the first healthy answer."""
    drain_seconds: int = Field(default=120, ge=1)
    """Longest time that running generations get when the pod is told to stop."""

    @property
    def termination_grace_seconds(self) -> int:
        """Seconds from the order to stop until the pod is killed."""
        return self.drain_seconds + TERMINATION_MARGIN_SECONDS
