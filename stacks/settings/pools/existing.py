"""Pools of nodes that somebody else made."""

from typing import Any, Literal

from pydantic import Field

from stacks.accelerators import ACCELERATORS
from stacks.settings.pools.common import MOST_FLAVORS, CommonPoolSettings, FlavorSettings, Toleration


class ExistingFlavorSettings(FlavorSettings):
    """One kind of node in a pool of nodes that are there."""

    node_selector: dict[str, str] = Field(min_length=1)
    """Labels that the flavor's nodes carry, beside those of the pool."""


def _resource(before: dict[str, Any]) -> str:
    mig = before.get("mig")
    if mig and mig.strategy == "mixed":
        return f"nvidia.com/mig-{mig.profile}"
    return ACCELERATORS[before.get("accelerator", "nvidia")].resource


def _customary_toleration(before: dict[str, Any]) -> tuple[Toleration, ...]:
    key = ACCELERATORS[before.get("accelerator", "nvidia")].resource
    return (Toleration(key=key, effect="NoSchedule"),)


class ExistingPoolSettings(CommonPoolSettings):
    """Nodes that are there already, found by their labels."""

    adapter: Literal["existing"] = "existing"
    """Who makes the nodes: somebody else."""
    gpu_resource: str = Field(default_factory=_resource)
    """The extended resource under which nodes offer their GPUs. Default: that of the accelerator's device plugin."""
    node_selector: dict[str, str] = {}
    """Labels that the pool's nodes carry."""
    tolerations: tuple[Toleration, ...] = Field(default_factory=_customary_toleration)
    """Taints that the pool's nodes may carry. Default: the one that nodes with such GPUs have by custom, such as
    ``nvidia.com/gpu``."""
    flavors: tuple[ExistingFlavorSettings, ...] = Field(default=(), max_length=MOST_FLAVORS)
    """Kinds of nodes in order of preference: a model runs on the first that has room. Default: all nodes are alike."""
