"""Pools on Google Kubernetes Engine."""

from typing import Literal

from pydantic import Field

from stacks.machines import GOOGLE, Machines
from stacks.settings.pools.made import MadePoolSettings


class GkePoolSettings(MadePoolSettings):
    """A node pool of a GKE cluster, or one a flavor. Needs the extra ``gke``."""

    adapter: Literal["gke"]
    """Who makes the nodes."""
    cluster: str = Field(min_length=1)
    """Name of the GKE cluster."""
    location: str = Field(min_length=1)
    """The cluster's region or zone, such as ``europe-west4``."""
    project: str | None = None
    """The cluster's project. Default: the stack's ``gcp:project``."""
    zones: tuple[str, ...] = ()
    """Zones of the nodes. Default: the cluster's."""
    service_account: str | None = None
    """E-mail address of the nodes' service account. Default: Google's own for Compute Engine."""
    driver: Literal["default", "latest"] = "default"
    """Which driver of NVIDIA's GPUs GKE installs."""

    @property
    def machines(self) -> Machines:
        """The machine types that are known."""
        return GOOGLE
