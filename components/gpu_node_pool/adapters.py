"""What makes the nodes of a pool, imported only where a stack has a pool for it."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import pulumi

from components.gpu_node_pool.contract import GpuNodePool
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
    found: dict[str, Adapter] = {}
    for index, pool in enumerate(stack.pools):
        module, name = POOL_ADAPTERS[pool.adapter]
        try:
            found[pool.adapter] = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            raise SettingsError([_missing(index, pool.adapter, error.name or "")]) from error
    return found


def _missing(index: int, adapter: str, module: str) -> str:
    return (
        f"modelyard:pools[{index}].adapter: {adapter!r} needs the package {module.replace('_', '-')}, which is not "
        f"installed here: run `uv sync --extra {adapter}`"
    )
