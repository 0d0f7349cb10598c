"""Configurations of the device plugin by node pool: MIG and time slicing.

The plugin has one configuration for each pool whose GPUs are shared. A node says by a label which one
is its own, and a node without that label offers its GPUs whole.
"""

import yaml

from components.manifests.objects import Manifest
from stacks.settings import GpuNodePoolSettings, StackSettings

DEFAULT_CONFIG = "_default"
"""Name of the configuration of nodes without the label, which can't be a pool's name."""


def plugin_config_texts(stack: StackSettings) -> dict[str, str]:
    """The device plugin's configurations as the files that it reads, by name."""
    return {name: yaml.safe_dump(config, sort_keys=False) for name, config in plugin_configs(stack).items()}


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
