"""Node pools of Google Kubernetes Engine, as arguments of ``gcp.container.NodePool``."""

import re
from typing import Any

from components.manifests.pools.nodes import fitted, labels
from stacks.machines.google import gpu_type
from stacks.settings import GkePoolSettings
from stacks.settings.pools.made import NodeGroup

NAME_LIMIT = 40
"""The longest name of a node pool."""

EFFECTS = {"NoSchedule": "NO_SCHEDULE", "PreferNoSchedule": "PREFER_NO_SCHEDULE", "NoExecute": "NO_EXECUTE"}
"""A taint's effects in Google's words."""

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
"""What the nodes' service account may be used for. What it may do is said by its roles."""


def node_pool(pool: GkePoolSettings, group: NodeGroup) -> dict[str, Any]:
    """The node pool of a group.

    GKE taints nodes with GPUs or TPUs by itself, so no such taint is here.
    """
    found: dict[str, Any] = {
        "cluster": pool.cluster,
        "location": pool.location,
        "name": fitted(group.name, NAME_LIMIT),
        "initial_node_count": _first_nodes(pool, group),
        "autoscaling": {
            "total_min_node_count": group.min_nodes,
            "total_max_node_count": pool.max_nodes,
            # A GPU is scarce: rather any zone that has one than as many in each.
            "location_policy": "ANY",
        },
        "management": {"auto_repair": True, "auto_upgrade": True},
        "node_config": _node_config(pool, group),
    }
    if pool.project:
        found["project"] = pool.project
    if pool.zones:
        found["node_locations"] = list(pool.zones)
    return found


def _first_nodes(pool: GkePoolSettings, group: NodeGroup) -> int:
    """Nodes of each zone to begin with: no more than the fewest of the pool, so what is left comes with the pods.

    In a region GKE chooses the zones where none are named, and how many is not known.
    """
    is_zone = re.search(r"-[a-z]$", pool.location) is not None
    zones = len(pool.zones) or (1 if is_zone else 0)
    return group.min_nodes // zones if zones else 0


def _node_config(pool: GkePoolSettings, group: NodeGroup) -> dict[str, Any]:
    machine = group.instance_types[0]
    config: dict[str, Any] = {
        "machine_type": machine,
        "disk_size_gb": pool.disk.size_gib,
        "labels": labels(pool, group),
        "oauth_scopes": SCOPES,
    }
    if pool.accelerator == "nvidia":
        config["guest_accelerators"] = [_accelerator(pool, group, machine)]
    if pool.disk.type:
        config["disk_type"] = pool.disk.type
    if pool.service_account:
        config["service_account"] = pool.service_account
    if pool.taints:
        config["taints"] = [
            {"key": taint.key, "value": taint.value, "effect": EFFECTS[taint.effect]} for taint in pool.taints
        ]
    if group.capacity == "spot":
        config["spot"] = True
    if group.capacity == "reservation":
        config["reservation_affinity"] = {
            "consume_reservation_type": "SPECIFIC_RESERVATION",
            "key": "compute.googleapis.com/reservation-name",
            "values": [group.reservation],
        }
    return config


def _accelerator(pool: GkePoolSettings, group: NodeGroup, machine: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": gpu_type(group.gpu_model or "", machine),
        "count": pool.gpus_per_node,
        "gpu_driver_installation_config": {"gpu_driver_version": pool.driver.upper()},
    }
    if pool.mig:
        found["gpu_partition_size"] = pool.mig.profile
    if pool.time_slicing:
        found["gpu_sharing_config"] = {
            "gpu_sharing_strategy": "TIME_SHARING",
            "max_shared_clients_per_gpu": pool.time_slicing.replicas,
        }
    return found
