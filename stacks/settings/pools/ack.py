"""Pools on Alibaba Cloud Container Service for Kubernetes."""

from typing import Literal

from pydantic import Field

from stacks.machines import ALIBABA, Machines
from stacks.settings.pools.made import MadePoolSettings


class AckPoolSettings(MadePoolSettings):
    """A node pool of an ACK cluster, or one a flavor. Needs the extra ``ack``."""

    adapter: Literal["ack"]
    """Who makes the nodes."""
    cluster_id: str = Field(min_length=1)
    """Id of the ACK cluster."""
    vswitches: tuple[str, ...] = Field(min_length=1)
    """Ids of the nodes' vSwitches, which also say their zones."""
    key_name: str | None = None
    """Name of the key pair for SSH to the nodes."""
    driver_version: str | None = None
    """Version of the driver that ACK installs, such as ``550.144.03``. Default: ACK's."""

    @property
    def machines(self) -> Machines:
        """The machine types that are known."""
        return ALIBABA
