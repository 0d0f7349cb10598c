"""Node pools of Alibaba Cloud Container Service for Kubernetes, as arguments of ``alicloud.cs.NodePool``."""

from typing import Any

from components.manifests.pools.nodes import fitted, labels, taints
from stacks.settings import AckPoolSettings
from stacks.settings.pools.made import NodeGroup

NAME_LIMIT = 63
"""The longest name of a node pool."""

DRIVER_LABEL = "ack.aliyun.com/nvidia-driver-version"
"""Label of nodes by which ACK chooses the driver that it installs."""


def node_pool(pool: AckPoolSettings, group: NodeGroup) -> dict[str, Any]:
    """The node pool of a group."""
    driver = {DRIVER_LABEL: pool.driver_version} if pool.driver_version else {}
    found: dict[str, Any] = {
        "cluster_id": pool.cluster_id,
        "node_pool_name": fitted(group.name, NAME_LIMIT),
        "vswitch_ids": list(pool.vswitches),
        "instance_types": list(group.instance_types),
        "instance_charge_type": "PostPaid",
        "system_disk_category": pool.disk.type or "cloud_essd",
        "system_disk_size": pool.disk.size_gib,
        "labels": [{"key": key, "value": value} for key, value in {**labels(pool, group), **driver}.items()],
        "taints": [{"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in taints(pool)],
        **_size(pool, group),
    }
    if pool.key_name:
        found["key_name"] = pool.key_name
    if group.capacity == "spot":
        found["spot_strategy"] = "SpotAsPriceGo"
    if group.capacity == "reservation":
        found["private_pool_options"] = {
            "private_pool_options_id": group.reservation,
            "private_pool_options_match_criteria": "Target",
        }
    return found


def _size(pool: AckPoolSettings, group: NodeGroup) -> dict[str, Any]:
    # The autoscaler of ACK wants room between fewest and most nodes.
    if group.min_nodes == pool.max_nodes:
        return {"desired_size": str(pool.max_nodes)}
    return {"scaling_config": {"enable": True, "type": "gpu", "min_size": group.min_nodes, "max_size": pool.max_nodes}}
