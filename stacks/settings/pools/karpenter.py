"""Pools whose nodes Karpenter makes when pods ask for them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stacks.machines import AWS, AZURE, Machines
from stacks.settings.base import Form, Int32, Name, Settings, refusal
from stacks.settings.pools.made import MadePoolSettings

AmiAlias = Annotated[
    str,
    Form(
        r"^(al2023|bottlerocket)@.+$",
        "names no image that has NVIDIA's driver: write al2023@<version> or bottlerocket@<version>",
    ),
]
"""An image that EKS offers, by family and version."""


class Ec2NodeClassSettings(Settings):
    """An EC2NodeClass that the program makes: what Karpenter's machines are on AWS."""

    role: str | None = None
    """Name of the IAM role that the nodes have."""
    instance_profile: str | None = None
    """Name of the instance profile that the nodes have, in place of the role."""
    ami: AmiAlias = "al2023@latest"
    """Image of the nodes. ``latest`` replaces nodes whenever EKS releases one, so name a version in production."""
    subnet_tags: dict[str, str] = Field(min_length=1)
    """Tags of the subnets of the nodes, such as ``karpenter.sh/discovery: <cluster>``."""
    security_group_tags: dict[str, str] = Field(min_length=1)
    """Tags of the nodes' security groups."""
    tags: dict[str, str] = {}
    """Tags of the machines."""

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if (self.role is None) == (self.instance_profile is None):
            raise refusal("must have one of role and instanceProfile, by which its machines join: write one of them")
        return self


class AksNodeClassSettings(Settings):
    """An AKSNodeClass that the program makes: what Karpenter's machines are on Azure."""

    image_family: Literal["Ubuntu", "Ubuntu2204", "Ubuntu2404", "AzureLinux"] = "Ubuntu"
    """Image of the nodes."""
    subnet_id: str | None = None
    """Resource id of the nodes' subnet. Default: Karpenter's."""
    driver: Literal["default", "none"] = "default"
    """The driver of NVIDIA's GPUs. ``default``: AKS installs it. ``none``: the stack's GPU software."""
    tags: dict[str, str] = {}
    """Tags of the machines."""


class NodeClassReference(Settings):
    """A node class that is there already."""

    kind: Literal["EC2NodeClass", "AKSNodeClass"]
    """Its kind."""
    name: Name
    """Its name."""


class KarpenterPoolSettings(MadePoolSettings):
    """A NodePool of Karpenter, or one a flavor. Karpenter must be in the cluster."""

    adapter: Literal["karpenter"]
    """Who makes the nodes."""
    node_class: NodeClassReference | None = None
    """A node class that is there already. Otherwise one of the next two makes it."""
    ec2_node_class: Ec2NodeClassSettings | None = Field(default=None, alias="ec2NodeClass")
    """What machines are on AWS."""
    aks_node_class: AksNodeClassSettings | None = None
    """What machines are on Azure."""
    zones: tuple[str, ...] = ()
    """Zones of the nodes. Default: Karpenter's choice."""
    consolidate_after_seconds: Int32 = Field(default=300, ge=0)
    """Seconds without a pod after which a node goes."""
    expire_after_hours: Int32 | None = Field(default=None, ge=1)
    """Hours after which a node is replaced by a fresh one. Default: never, since every model on it starts anew."""

    @property
    def on_azure(self) -> bool:
        """Whether machines are Azure's, and AWS's otherwise."""
        if self.node_class:
            return self.node_class.kind == "AKSNodeClass"
        return self.aks_node_class is not None

    @property
    def machines(self) -> Machines:
        """The machine types that are known."""
        return AZURE if self.on_azure else AWS

    def _known(self, gpu_model: str | None) -> tuple[str, ...]:
        return self.machines.get(gpu_model or "", {}).get(self.gpus_per_node, ())
