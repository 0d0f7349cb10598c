"""Pools on Azure Kubernetes Service."""

from typing import Literal

from pydantic import Field

from stacks.machines import AZURE, Machines
from stacks.settings.pools.common import Toleration
from stacks.settings.pools.made import MadePoolSettings

SPOT = "kubernetes.azure.com/scalesetpriority"
"""Label and taint of spot nodes."""


class AksPoolSettings(MadePoolSettings):
    """A node pool of an AKS cluster, or one a flavor. Needs the extra ``aks``."""

    adapter: Literal["aks"]
    """Who makes the nodes."""
    cluster_id: str = Field(min_length=1)
    """Resource id of the AKS cluster, which begins with ``/subscriptions/``."""
    subnet_id: str | None = None
    """Resource id of the nodes' subnet. Default: the cluster's."""
    zones: tuple[str, ...] = ()
    """Availability zones of the nodes, such as ``"1"``. Default: Azure's choice."""
    driver: Literal["default", "none"] = "default"
    """The driver of NVIDIA's GPUs. ``default``: AKS installs it. ``none``: the stack's GPU software."""

    @property
    def tolerations(self) -> tuple[Toleration, ...]:
        """What a pod tolerates of the taints that the nodes have. Spot nodes of AKS have one more."""
        spot = Toleration(key=SPOT, operator="Equal", value="spot", effect="NoSchedule")
        spots = any(group.capacity == "spot" for group in self.groups)
        return (*super().tolerations, spot) if spots else super().tolerations

    @property
    def machines(self) -> Machines:
        """The machine types that are known."""
        return AZURE
