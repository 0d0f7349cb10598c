"""Configurations of the device plugin by node pool: MIG and time slicing.

The plugin has one configuration for each pool whose GPUs are shared. A node says by a label which one
is its own, and a node without that label offers its GPUs whole.
"""

from components.manifests.objects import Manifest
from stacks.settings import GpuNodePoolSettings, StackSettings

CONFIG_LABEL = "nvidia.com/device-plugin.config"
"""Label of a node by which the device plugin chooses its configuration."""
MIG_LABEL = "nvidia.com/mig.config"
"""Label of a node by which the GPU operator's MIG manager cuts its GPUs."""

DEFAULT_CONFIG = "_default"
"""Name of the configuration of nodes without the label, which can't be a pool's name."""


def node_labels(pool: GpuNodePoolSettings) -> dict[str, str]:
    """The labels that nodes of a pool must carry for their GPUs to be shared as its settings say."""
    labels = {}
    if pool.mig or pool.time_slicing:
        labels[CONFIG_LABEL] = pool.name
    if pool.mig:
        labels[MIG_LABEL] = f"all-{pool.mig.profile}"
    return labels


def plugin_configs(stack: StackSettings) -> dict[str, Manifest]:
    """The device plugin's configurations by name. None where all pools have their GPUs whole."""
    shared = [pool for pool in stack.pools if pool.mig or pool.time_slicing]
    if not shared:
        return {}
    return {DEFAULT_CONFIG: _config("none"), **{pool.name: _pool_config(pool) for pool in shared}}


def _pool_config(pool: GpuNodePoolSettings) -> Manifest:
    config = _config(pool.mig.strategy if pool.mig else "none")
    if pool.time_slicing:
        config["sharing"] = {
            "timeSlicing": {
                # Two of them may be the same GPU, so a pod that asks for two has no more of it than one.
                "failRequestsGreaterThanOne": True,
                "resources": [{"name": pool.gpu_resource, "replicas": pool.time_slicing.replicas}],
            }
        }
    return config


def _config(mig_strategy: str) -> Manifest:
    return {"version": "v1", "flags": {"migStrategy": mig_strategy}}
