"""What the rest of the program needs of a gateway, whatever implements it."""

from typing import Protocol

import pulumi


class Gateway(Protocol):
    """The one endpoint in front of all models."""

    base_url: pulumi.Output[str]
    """URL that clients use, ending in ``/v1``."""
    ready: pulumi.Output[bool]
    """True, and known only once it has been told of all models and routes, and its pods are ready."""
    console_url: pulumi.Output[str] | None
    """URL of the gateway's web console, where it has one."""
    console_password: pulumi.Output[str] | None
    """Password of the console's administrator, a secret."""
    dashboards_url: pulumi.Output[str] | None
    """URL of dashboards, where the gateway brings some."""
