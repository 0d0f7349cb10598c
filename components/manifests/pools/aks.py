"""Node pools of Azure Kubernetes Service, as arguments of ``azure.containerservice.KubernetesClusterNodePool``."""

from typing import Any

from components.manifests.pools.nodes import alphanumeric, labels_for_sharing, taints
from stacks.settings import AksPoolSettings
from stacks.settings.pools.aks import SPOT
from stacks.settings.pools.made import NodeGroup, TaintSettings

NAME_LIMIT = 12
"""The longest name of a Linux node pool, which has letters and digits only."""


def node_pool(pool: AksPoolSettings, group: NodeGroup) -> dict[str, Any]:
    """The node pool of a group."""
    installs = pool.accelerator == "nvidia" and pool.driver == "default"
    found: dict[str, Any] = {
        "kubernetes_cluster_id": pool.cluster_id,
        "name": alphanumeric(group.name, NAME_LIMIT),
        "mode": "User",
        "vm_size": group.instance_types[0],
        "auto_scaling_enabled": True,
        "min_count": group.min_nodes,
        "max_count": pool.max_nodes,
        "os_disk_size_gb": pool.disk.size_gib,
        "node_labels": labels_for_sharing(pool, group),
        "node_taints": [_taint(taint) for taint in taints(pool)],
        "gpu_driver": "Install" if installs else "None",
    }
    if pool.disk.type:
        found["os_disk_type"] = pool.disk.type
    if pool.zones:
        found["zones"] = list(pool.zones)
    if pool.subnet_id:
        found["vnet_subnet_id"] = pool.subnet_id
    if pool.mig:
        found["gpu_instance"] = f"MIG{pool.mig.profile.partition('.')[0]}"
    if group.capacity == "reservation":
        found["capacity_reservation_group_id"] = group.reservation
    if group.capacity == "spot":
        found |= {
            "priority": "Spot",
            "eviction_policy": "Delete",
            # Up to what the machine costs otherwise.
            "spot_max_price": -1,
            # AKS would add both by itself, and then see a difference.
            "node_labels": {**found["node_labels"], SPOT: "spot"},
            "node_taints": [*found["node_taints"], _taint(TaintSettings(key=SPOT, value="spot"))],
        }
    return found


def _taint(taint: TaintSettings) -> str:
    return f"{taint.key}={taint.value}:{taint.effect}"
