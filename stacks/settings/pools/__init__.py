"""GPU node pools: nodes that are there, or nodes that an adapter has a cloud make."""

from typing import Annotated

from pydantic import Tag

from stacks.settings.kinds import TAG, by_kind
from stacks.settings.pools.ack import AckPoolSettings
from stacks.settings.pools.aks import AksPoolSettings
from stacks.settings.pools.common import CommonPoolSettings, Toleration
from stacks.settings.pools.eks import EksPoolSettings
from stacks.settings.pools.existing import ExistingPoolSettings
from stacks.settings.pools.gke import GkePoolSettings
from stacks.settings.pools.karpenter import KarpenterPoolSettings
from stacks.settings.pools.made import MadePoolSettings

MadePool = KarpenterPoolSettings | GkePoolSettings | EksPoolSettings | AksPoolSettings | AckPoolSettings
"""A pool whose nodes an adapter makes."""

POOL_ADAPTERS: dict[str, type[CommonPoolSettings]] = {
    "existing": ExistingPoolSettings,
    "karpenter": KarpenterPoolSettings,
    "gke": GkePoolSettings,
    "eks": EksPoolSettings,
    "aks": AksPoolSettings,
    "ack": AckPoolSettings,
}
"""Who makes the nodes, and what can be said to each."""

GpuNodePoolSettings = Annotated[
    Annotated[ExistingPoolSettings, Tag(f"{TAG}existing")]
    | Annotated[KarpenterPoolSettings, Tag(f"{TAG}karpenter")]
    | Annotated[GkePoolSettings, Tag(f"{TAG}gke")]
    | Annotated[EksPoolSettings, Tag(f"{TAG}eks")]
    | Annotated[AksPoolSettings, Tag(f"{TAG}aks")]
    | Annotated[AckPoolSettings, Tag(f"{TAG}ack")],
    by_kind("a node pool", POOL_ADAPTERS, default="existing", key="adapter"),
]
"""A set of like nodes with GPUs. Where a stack names no adapter, it is ``existing``."""

__all__ = [
    "POOL_ADAPTERS",
    "AckPoolSettings",
    "AksPoolSettings",
    "EksPoolSettings",
    "ExistingPoolSettings",
    "GkePoolSettings",
    "GpuNodePoolSettings",
    "KarpenterPoolSettings",
    "MadePool",
    "MadePoolSettings",
    "Toleration",
]
