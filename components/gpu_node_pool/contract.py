"""What the rest of the program needs of a node pool, whoever makes its nodes."""

from typing import Protocol

import pulumi

from components.manifests.placement import Placement


class GpuNodePool(Protocol):
    """A set of like nodes with GPUs."""

    placement: Placement
    """What a pod must say to run on the pool, and what the pool's nodes have."""
    before_models: tuple[pulumi.Resource, ...]
    """What has to be there before models on the pool: its node pools, where they always have a node."""
