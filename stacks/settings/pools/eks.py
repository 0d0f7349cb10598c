"""Pools on Amazon Elastic Kubernetes Service."""

from typing import Literal

from pydantic import Field

from stacks.machines import AWS, Machines
from stacks.settings.pools.made import MadePoolSettings


class EksPoolSettings(MadePoolSettings):
    """A managed node group of an EKS cluster, or one a flavor. Needs the extra ``eks``."""

    adapter: Literal["eks"]
    """Who makes the nodes."""
    cluster: str = Field(min_length=1)
    """Name of the EKS cluster."""
    node_role_arn: str = Field(min_length=1)
    """ARN of the IAM role that the nodes have."""
    subnets: tuple[str, ...] = Field(min_length=1)
    """Ids of the subnets of the nodes, which also say their zones."""
    driver: Literal["default", "none"] = "default"
    """The driver of NVIDIA's GPUs. ``default``: in the nodes' image. ``none``: the stack's GPU software."""

    @property
    def machines(self) -> Machines:
        """The machine types that are known."""
        return AWS
