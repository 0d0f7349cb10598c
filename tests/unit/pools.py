"""Node pools that tests make, one an adapter."""

from typing import Any

from pydantic import TypeAdapter

from stacks.settings import GpuNodePoolSettings, StackSettings, load

CLUSTERS: dict[str, dict[str, Any]] = {
    "existing": {},
    "karpenter": {
        "ec2NodeClass": {
            "role": "nodes",
            "subnetTags": {"karpenter.sh/discovery": "llm"},
            "securityGroupTags": {"karpenter.sh/discovery": "llm"},
        }
    },
    "gke": {"cluster": "llm", "location": "europe-west4"},
    "eks": {"cluster": "llm", "nodeRoleArn": "arn:aws:iam::123456789012:role/nodes", "subnets": ["subnet-a"]},
    "aks": {"clusterId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/llm"},
    "ack": {"clusterId": "c0123", "vswitches": ["vsw-a"]},
}
"""What each adapter has to be told of the cluster."""

MODELS = {
    "existing": None,
    "karpenter": "NVIDIA-L4",
    "gke": "NVIDIA-L4",
    "eks": "NVIDIA-L4",
    "aks": "NVIDIA-A10",
    "ack": "NVIDIA-A10",
}
"""A GPU that each adapter knows a machine type for."""


def written(adapter: str, **changes: Any) -> dict[str, Any]:
    """A pool as a stack file writes it, with these settings in place of its own."""
    return {"name": "gpu", "adapter": adapter, "gpuModel": MODELS[adapter], **CLUSTERS[adapter], **changes}


def stack_of(*pools: dict[str, Any], **changes: Any) -> StackSettings:
    """A stack with these pools."""
    return load({"pools": list(pools), **changes})


def pool_of(adapter: str, **changes: Any) -> GpuNodePoolSettings:
    """The settings of one pool, without the rules of a stack around it."""
    pool: GpuNodePoolSettings = TypeAdapter(GpuNodePoolSettings).validate_python(written(adapter, **changes))
    return pool
