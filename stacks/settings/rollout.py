"""How a changed model takes the place of the old one."""

from typing import Literal

from pydantic import Field

from stacks.settings.base import Int32, Replicas, Settings


class RolloutSettings(Settings):
    """How a changed model takes the place of the old one."""

    strategy: Literal["in_place", "surge"] = "in_place"
    """``in_place``: a StatefulSet; each replica stops before its successor starts, which needs no further GPU.
    ``surge``: a Deployment; each starts beside the old ones, which needs room on the pool."""
    max_surge: Replicas = Field(default=1, ge=1)
    """Replicas that ``surge`` starts at a time beside the old ones. Without room for all of them some wait."""
    min_ready_seconds: Int32 = Field(default=40, ge=0)
    """How long a replica must have been ready before the next one is replaced. Gateways learn of it by DNS, whose
    records hold for up to 30 seconds."""
