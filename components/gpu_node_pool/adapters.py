"""What makes the nodes of a pool, imported only where a stack has a pool for it."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import pulumi

from components.gpu_node_pool.contract import GpuNodePool
from components.gpu_node_pool.packages import needed
from stacks.settings import SettingsError, StackSettings

Adapter = Callable[[str, Any, pulumi.ResourceOptions], GpuNodePool]
"""Makes the pool of a name, from settings of its own type."""

POOL_ADAPTERS: Mapping[str, tuple[str, str]] = {
    adapter: (f"components.gpu_node_pool.{adapter}", f"{adapter.capitalize()}GpuNodePool")
    for adapter in ("existing", "karpenter", "gke", "eks", "aks", "ack")
}
"""Module and class by ``adapter`` of a pool."""


def adapters(stack: StackSettings) -> dict[str, Adapter]:
    """The adapters of a stack's pools, by their name.

    Raises:
        SettingsError: the package of a cloud is not installed.
    """
    missing = [package for package in needed(stack) if not package.installed]
    if missing:
        raise SettingsError([f"{package.problem}: run `{package.command}`" for package in missing])
    found: dict[str, Adapter] = {}
    for pool in stack.pools:
        module, name = POOL_ADAPTERS[pool.adapter]
        found[pool.adapter] = getattr(import_module(module), name)
    return found
