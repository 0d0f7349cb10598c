"""What Karpenter is to make: a node class and NodePools.

Fields are those of ``sigs.k8s.io/karpenter`` and ``github.com/aws/karpenter-provider-aws`` 1.14, and of
``github.com/Azure/karpenter-provider-azure`` 1.7.
"""

from typing import Any

from components.manifests.objects import Manifest
from components.manifests.pools.nodes import labels_for_sharing, taints
from stacks.settings import KarpenterPoolSettings
from stacks.settings.pools.karpenter import AksNodeClassSettings, Ec2NodeClassSettings
from stacks.settings.pools.made import NodeGroup, TaintSettings

NODE_POOL_API = "karpenter.sh/v1"
EC2_GROUP = "karpenter.k8s.aws"
AKS_GROUP = "karpenter.azure.com"
NODE_CLASS_APIS = {EC2_GROUP: f"{EC2_GROUP}/v1", AKS_GROUP: f"{AKS_GROUP}/v1beta1"}

CAPACITY_TYPES = {"on_demand": "on-demand", "spot": "spot", "reservation": "reserved"}
"""How machines are paid in Karpenter's words."""

DATA_DEVICES = {"al2023": "/dev/xvda", "bottlerocket": "/dev/xvdb"}
"""Device with images and what pods write, by the family of a node's image."""

MOST_WEIGHT = 100
"""The largest weight of a NodePool."""
WEIGHT_STEP = 10
"""What the weight of a flavor's NodePool is below that of the flavor before."""


def node_class(pool: KarpenterPoolSettings) -> Manifest | None:
    """The node class of a pool: an EC2NodeClass or an AKSNodeClass. None where it names one that is there."""
    if pool.ec2_node_class:
        return _manifest(NODE_CLASS_APIS[EC2_GROUP], "EC2NodeClass", pool.name, _ec2(pool, pool.ec2_node_class))
    if pool.aks_node_class:
        return _manifest(NODE_CLASS_APIS[AKS_GROUP], "AKSNodeClass", pool.name, _aks(pool, pool.aks_node_class))
    return None


def node_pools(pool: KarpenterPoolSettings) -> list[Manifest]:
    """The NodePools, one a flavor. Karpenter tries those of larger weight first."""
    return [_node_pool(pool, group, place) for place, group in enumerate(pool.groups)]


def _node_pool(pool: KarpenterPoolSettings, group: NodeGroup, place: int) -> Manifest:
    spec: Manifest = {
        "template": {
            "metadata": {"labels": labels_for_sharing(pool, group)},
            "spec": {
                "nodeClassRef": _node_class_reference(pool),
                "requirements": _requirements(pool, group),
                "taints": [_taint(taint) for taint in taints(pool)],
                "expireAfter": f"{pool.expire_after_hours}h" if pool.expire_after_hours else "Never",
            },
        },
        # A node that is not empty stays: moving a model costs its whole start.
        "disruption": {
            "consolidationPolicy": "WhenEmpty",
            "consolidateAfter": f"{pool.consolidate_after_seconds}s",
        },
        "limits": {pool.whole_gpu_resource: str(pool.max_nodes * pool.gpus_per_node)},
    }
    if pool.flavors:
        spec["weight"] = MOST_WEIGHT - WEIGHT_STEP * place
    return _manifest(NODE_POOL_API, "NodePool", group.name, spec)


def _node_class_reference(pool: KarpenterPoolSettings) -> Manifest:
    group = AKS_GROUP if pool.on_azure else EC2_GROUP
    if pool.node_class:
        return {"group": group, "kind": pool.node_class.kind, "name": pool.node_class.name}
    return {"group": group, "kind": "AKSNodeClass" if pool.on_azure else "EC2NodeClass", "name": pool.name}


def _requirements(pool: KarpenterPoolSettings, group: NodeGroup) -> list[Manifest]:
    found = {
        "kubernetes.io/arch": ["amd64"],
        "kubernetes.io/os": ["linux"],
        "node.kubernetes.io/instance-type": list(group.instance_types),
        "karpenter.sh/capacity-type": [CAPACITY_TYPES[group.capacity]],
    }
    if pool.zones:
        found["topology.kubernetes.io/zone"] = list(pool.zones)
    if group.capacity == "reservation":
        found[f"{EC2_GROUP}/capacity-reservation-id"] = [str(group.reservation)]
    return [{"key": key, "operator": "In", "values": values} for key, values in found.items()]


def _ec2(pool: KarpenterPoolSettings, settings: Ec2NodeClassSettings) -> Manifest:
    identity = {"role": settings.role} if settings.role else {"instanceProfile": settings.instance_profile}
    spec: Manifest = {
        **identity,
        "amiSelectorTerms": [{"alias": settings.ami}],
        "subnetSelectorTerms": [{"tags": settings.subnet_tags}],
        "securityGroupSelectorTerms": [{"tags": settings.security_group_tags}],
        "blockDeviceMappings": [
            {
                "deviceName": DATA_DEVICES[settings.ami.partition("@")[0]],
                "ebs": {
                    "volumeSize": f"{pool.disk.size_gib}Gi",
                    "volumeType": pool.disk.type or "gp3",
                    "deleteOnTermination": True,
                },
            }
        ],
    }
    reservations = dict.fromkeys(group.reservation for group in pool.groups if group.capacity == "reservation")
    if reservations:
        spec["capacityReservationSelectorTerms"] = [{"id": reservation} for reservation in reservations]
    if settings.tags:
        spec["tags"] = settings.tags
    return spec


def _aks(pool: KarpenterPoolSettings, settings: AksNodeClassSettings) -> Manifest:
    spec: Manifest = {
        "imageFamily": settings.image_family,
        "osDiskSizeGB": pool.disk.size_gib,
    }
    if settings.driver == "none":
        spec["gpu"] = {"mode": "None"}
    if settings.subnet_id:
        spec["vnetSubnetID"] = settings.subnet_id
    if settings.tags:
        spec["tags"] = settings.tags
    return spec


def _taint(taint: TaintSettings) -> Manifest:
    return {"key": taint.key, "value": taint.value, "effect": taint.effect}


def _manifest(api_version: str, kind: str, name: str, spec: dict[str, Any]) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}
