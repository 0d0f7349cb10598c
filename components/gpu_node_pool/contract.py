"""What the rest of the program needs of a node pool, whoever makes its nodes."""

from typing import Protocol

from components.manifests.placement import Placement


class GpuNodePool(Protocol):
    """A set of like nodes with GPUs."""

    placement: Placement
    """What a pod must say to run on the pool, and what the pool's nodes have."""
