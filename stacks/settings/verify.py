"""The verification after an update."""

from typing import Literal

from pydantic import Field

from stacks.settings.base import Settings


class VerifySettings(Settings):
    """Whether the gateway is asked after each update if it keeps its promises, and how."""

    enabled: bool = True
    """Whether it is asked at all. Its verdicts are the stack's output ``verify``."""
    strict: bool = False
    """Whether a broken promise fails the update. Otherwise it is a warning."""
    timeout_seconds: int = Field(default=120, ge=5, le=3600)
    """Longest time that all of it may take, in seconds. A promise that does not hold is looked at again until then,
    since a changed route takes up to a minute to reach the gateway."""
    through: Literal["auto", "base_url", "port_forward"] = "auto"
    """The way to the gateway. ``base_url``: by the URL that clients use. ``port_forward``: by ``kubectl port-forward``
    to its Service. ``auto``: by the URL where it is reached from where Pulumi runs, else by a port forward."""
