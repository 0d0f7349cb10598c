"""Managed node groups of Amazon EKS, as arguments of ``aws.eks.NodeGroup`` and ``aws.ec2.LaunchTemplate``."""

from typing import Any

from components.manifests.pools.nodes import fitted, labels_for_sharing, taints
from stacks.settings import EksPoolSettings
from stacks.settings.pools.made import NodeGroup

NAME_LIMIT = 63
"""The longest name of a node group."""

IMAGES = {"default": "AL2023_x86_64_NVIDIA", "none": "AL2023_x86_64_STANDARD"}
"""Kinds of images by ``driver``."""
ROOT_DEVICE = "/dev/xvda"
"""Device of these images' boot disk."""

CAPACITY_TYPES = {"on_demand": "ON_DEMAND", "spot": "SPOT", "reservation": "ON_DEMAND"}
"""How machines are paid in Amazon's words. The launch template says which reservation they come from."""
EFFECTS = {"NoSchedule": "NO_SCHEDULE", "PreferNoSchedule": "PREFER_NO_SCHEDULE", "NoExecute": "NO_EXECUTE"}
"""A taint's effects in Amazon's words."""


def node_group(pool: EksPoolSettings, group: NodeGroup) -> dict[str, Any]:
    """The managed node group of a group, but for its launch template."""
    return {
        "cluster_name": pool.cluster,
        "node_group_name": fitted(group.name, NAME_LIMIT),
        "node_role_arn": pool.node_role_arn,
        "subnet_ids": list(pool.subnets),
        "ami_type": IMAGES[pool.driver],
        "capacity_type": CAPACITY_TYPES[group.capacity],
        "instance_types": list(group.instance_types),
        "labels": labels_for_sharing(pool, group),
        "taints": [{"key": taint.key, "value": taint.value, "effect": EFFECTS[taint.effect]} for taint in taints(pool)],
        "scaling_config": {"desired_size": group.min_nodes, "min_size": group.min_nodes, "max_size": pool.max_nodes},
        "update_config": {"max_unavailable": 1},
    }


def launch_template(pool: EksPoolSettings, group: NodeGroup) -> dict[str, Any]:
    """The launch template of a group: what a node group itself has no word for."""
    found: dict[str, Any] = {
        "block_device_mappings": [
            {
                "device_name": ROOT_DEVICE,
                "ebs": {
                    "volume_size": pool.disk.size_gib,
                    "volume_type": pool.disk.type or "gp3",
                    "delete_on_termination": "true",
                },
            }
        ],
    }
    if group.capacity == "reservation":
        target = {"capacity_reservation_id": group.reservation}
        found["capacity_reservation_specification"] = {"capacity_reservation_target": target}
    return found
