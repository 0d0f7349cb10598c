"""What the rest of the program needs of a gateway, whatever implements it."""

from typing import Protocol

import pulumi


class Gateway(Protocol):
    """The one endpoint in front of all models."""

    base_url: pulumi.Output[str]
    """URL that clients use, ending in ``/v1``."""
