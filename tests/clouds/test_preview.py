"""`pulumi preview` of a whole stack with a node pool on each cloud: the real CLI, program and SDKs, but no provider."""

from pathlib import Path
from typing import Any

import pytest

from tests.clouds.conftest import PACKAGES
from tests.plugins.checkout import checkout_in, init, planned
from tests.plugins.conftest import Cli
from tests.unit.pools import CLUSTERS, written

pytestmark = [pytest.mark.clouds, pytest.mark.pulumi]

POOLS: dict[str, dict[str, Any]] = {
    "gke": {"capacity": "spot", "maxNodes": 2},
    "eks": {"minNodes": 1, "capacity": "reservation", "reservation": "cr-0123"},
    "aks": {
        "gpuModel": "NVIDIA-A100-80GB-PCIe",
        "mig": {"profile": "3g.40gb"},
        "capacity": "spot",
        "zones": ["1"],
    },
    "ack": {"maxNodes": 4, "capacity": "spot"},
    "karpenter": {"flavors": [{"name": "spot", "capacity": "spot"}, {"name": "paid"}]},
}
"""A pool of each adapter, by its name."""

STACK = {
    "modelyard:pools": [written(adapter, name=adapter, **changes) for adapter, changes in POOLS.items()],
    "modelyard:models": [
        {"name": f"on-{adapter}", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "pool": adapter} for adapter in POOLS
    ],
}
TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}


@pytest.fixture
def made(cli: Cli, clouds: Path) -> dict[str, dict[str, Any]]:
    """The inputs of all that a preview of the stack says it would make, by its name."""
    there = checkout_in(cli, clouds, (*PACKAGES, "kubernetes", "random"))
    init(there, "clouds", STACK)
    return planned(there)


def test_a_preview_says_what_each_cloud_would_be_asked_for(made: dict[str, dict[str, Any]]) -> None:
    assert made["platform-gke-nodes"] == {
        "cluster": "llm",
        "location": "europe-west4",
        "name": "gke",
        "initialNodeCount": 0,
        "autoscaling": {"totalMinNodeCount": 0, "totalMaxNodeCount": 2, "locationPolicy": "ANY"},
        "management": {"autoRepair": True, "autoUpgrade": True},
        "nodeConfig": {
            "machineType": "g2-standard-8",
            "diskSizeGb": 200,
            "labels": {"modelyard.dev/pool": "gke"},
            "oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"],
            "guestAccelerators": [
                {"type": "nvidia-l4", "count": 1, "gpuDriverInstallationConfig": {"gpuDriverVersion": "DEFAULT"}}
            ],
            "spot": True,
        },
    }
    assert made["platform-eks-nodes"].pop("launchTemplate").keys() == {"id", "version"}
    assert made["platform-eks-nodes"] == {
        "clusterName": "llm",
        "nodeGroupName": "eks",
        "nodeRoleArn": "arn:aws:iam::123456789012:role/nodes",
        "subnetIds": ["subnet-a"],
        "amiType": "AL2023_x86_64_NVIDIA",
        "capacityType": "ON_DEMAND",
        "instanceTypes": ["g6.2xlarge"],
        "labels": {"modelyard.dev/pool": "eks"},
        "taints": [{**TAINT, "effect": "NO_SCHEDULE"}],
        "scalingConfig": {"desiredSize": 1, "minSize": 1, "maxSize": 1},
        "updateConfig": {"maxUnavailable": 1},
    }
    assert made["platform-eks-template"] == {
        "blockDeviceMappings": [
            {"deviceName": "/dev/xvda", "ebs": {"volumeSize": 200, "volumeType": "gp3", "deleteOnTermination": "true"}}
        ],
        "capacityReservationSpecification": {"capacityReservationTarget": {"capacityReservationId": "cr-0123"}},
    }
    assert made["platform-aks-nodes"] == {
        "kubernetesClusterId": CLUSTERS["aks"]["clusterId"],
        "name": "aks",
        "mode": "User",
        "vmSize": "Standard_NC24ads_A100_v4",
        "autoScalingEnabled": True,
        "minCount": 0,
        "maxCount": 1,
        "osDiskSizeGb": 200,
        "zones": ["1"],
        "gpuDriver": "Install",
        "gpuInstance": "MIG3g",
        "priority": "Spot",
        "evictionPolicy": "Delete",
        "spotMaxPrice": -1,
        "nodeLabels": {
            "modelyard.dev/pool": "aks",
            "nvidia.com/device-plugin.config": "aks",
            "nvidia.com/mig.config": "all-3g.40gb",
            "kubernetes.azure.com/scalesetpriority": "spot",
        },
        "nodeTaints": [
            "nvidia.com/gpu=present:NoSchedule",
            "kubernetes.azure.com/scalesetpriority=spot:NoSchedule",
        ],
    }
    assert made["platform-ack-nodes"] == {
        "clusterId": "c0123",
        "nodePoolName": "ack",
        "vswitchIds": ["vsw-a"],
        "instanceTypes": ["ecs.gn7i-c8g1.2xlarge"],
        "instanceChargeType": "PostPaid",
        "systemDiskCategory": "cloud_essd",
        "systemDiskSize": 200,
        "labels": [{"key": "modelyard.dev/pool", "value": "ack"}],
        "taints": [TAINT],
        "scalingConfig": {"enable": True, "type": "gpu", "minSize": 0, "maxSize": 4},
        "spotStrategy": "SpotAsPriceGo",
    }
    assert made["platform-karpenter-node-class"]["kind"] == "EC2NodeClass"
    weights = [made[f"platform-karpenter-{flavor}-nodes"]["spec"]["weight"] for flavor in ("spot", "paid")]
    assert weights == [100, 90]
    for adapter in POOLS:
        pod = made[f"platform-on-{adapter}-replicas"]["spec"]["template"]["spec"]
        assert pod["nodeSelector"] == {"modelyard.dev/pool": adapter}
