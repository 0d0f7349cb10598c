"""Exactly what each adapter asks a cloud, or Karpenter, to make."""

from typing import Any

import pytest

from components.manifests.pools import ack, aks, eks, gke, karpenter
from components.manifests.pools.nodes import alphanumeric, fitted
from stacks.settings import (
    AckPoolSettings,
    AksPoolSettings,
    EksPoolSettings,
    GkePoolSettings,
    KarpenterPoolSettings,
)
from tests.unit.pools import CLUSTERS, pool_of

CLUSTER_ID = CLUSTERS["aks"]["clusterId"]
TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}


def gke_pools(**changes: Any) -> list[dict[str, Any]]:
    pool = pool_of("gke", **changes)
    assert isinstance(pool, GkePoolSettings)
    return [gke.node_pool(pool, group) for group in pool.groups]


def eks_groups(**changes: Any) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    pool = pool_of("eks", **changes)
    assert isinstance(pool, EksPoolSettings)
    return [(eks.node_group(pool, group), eks.launch_template(pool, group)) for group in pool.groups]


def aks_pools(**changes: Any) -> list[dict[str, Any]]:
    pool = pool_of("aks", **changes)
    assert isinstance(pool, AksPoolSettings)
    return [aks.node_pool(pool, group) for group in pool.groups]


def ack_pools(**changes: Any) -> list[dict[str, Any]]:
    pool = pool_of("ack", **changes)
    assert isinstance(pool, AckPoolSettings)
    return [ack.node_pool(pool, group) for group in pool.groups]


def by_karpenter(**changes: Any) -> KarpenterPoolSettings:
    pool = pool_of("karpenter", **changes)
    assert isinstance(pool, KarpenterPoolSettings)
    return pool


def on_azure(**changes: Any) -> KarpenterPoolSettings:
    return by_karpenter(**{"ec2NodeClass": None, "aksNodeClass": {}, "gpuModel": "NVIDIA-A10", **changes})


def test_gke() -> None:
    assert gke_pools() == [
        {
            "cluster": "llm",
            "location": "europe-west4",
            "name": "gpu",
            "initial_node_count": 0,
            "autoscaling": {"total_min_node_count": 0, "total_max_node_count": 1, "location_policy": "ANY"},
            "management": {"auto_repair": True, "auto_upgrade": True},
            "node_config": {
                "machine_type": "g2-standard-8",
                "disk_size_gb": 200,
                "labels": {"modelyard.dev/pool": "gpu"},
                "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
                "guest_accelerators": [
                    {
                        "type": "nvidia-l4",
                        "count": 1,
                        "gpu_driver_installation_config": {"gpu_driver_version": "DEFAULT"},
                    }
                ],
            },
        }
    ]


def test_gke_with_all_that_can_be_said() -> None:
    (found,) = gke_pools(
        project="llm-1",
        zones=["europe-west4-a", "europe-west4-b"],
        serviceAccount="nodes@llm-1.iam.gserviceaccount.com",
        driver="latest",
        minNodes=1,
        maxNodes=4,
        disk={"sizeGib": 500, "type": "pd-ssd"},
        labels={"team": "llm", "modelyard.dev/pool": "another"},
        taints=[{"key": "team", "value": "llm", "effect": "NoExecute"}],
        capacity="reservation",
        reservation="l4s",
    )
    assert found == {
        "cluster": "llm",
        "location": "europe-west4",
        "project": "llm-1",
        "name": "gpu",
        "node_locations": ["europe-west4-a", "europe-west4-b"],
        "initial_node_count": 0,
        "autoscaling": {"total_min_node_count": 1, "total_max_node_count": 4, "location_policy": "ANY"},
        "management": {"auto_repair": True, "auto_upgrade": True},
        "node_config": {
            "machine_type": "g2-standard-8",
            "disk_size_gb": 500,
            "disk_type": "pd-ssd",
            "service_account": "nodes@llm-1.iam.gserviceaccount.com",
            "labels": {"team": "llm", "modelyard.dev/pool": "gpu"},
            "taints": [{"key": "team", "value": "llm", "effect": "NO_EXECUTE"}],
            "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            "guest_accelerators": [
                {"type": "nvidia-l4", "count": 1, "gpu_driver_installation_config": {"gpu_driver_version": "LATEST"}}
            ],
            "reservation_affinity": {
                "consume_reservation_type": "SPECIFIC_RESERVATION",
                "key": "compute.googleapis.com/reservation-name",
                "values": ["l4s"],
            },
        },
    }


@pytest.mark.parametrize(
    ("changes", "nodes"),
    [
        ({"minNodes": 2, "location": "europe-west4-a"}, 2),
        ({"minNodes": 5, "zones": ["a", "b"]}, 2),
        ({"minNodes": 1, "zones": ["a", "b"]}, 0),
        ({"minNodes": 3}, 0),
        ({"location": "europe-west4-a"}, 0),
    ],
)
def test_gke_begins_with_no_more_nodes_than_the_fewest(changes: dict[str, Any], nodes: int) -> None:
    (found,) = gke_pools(maxNodes=9, **changes)
    assert found["initial_node_count"] == nodes


def test_gke_has_a_node_pool_for_each_flavor() -> None:
    spot, paid, a100 = gke_pools(
        minNodes=1,
        maxNodes=3,
        flavors=[
            {"name": "spot", "capacity": "spot"},
            {"name": "paid"},
            {"name": "a100", "gpuModel": "NVIDIA-A100-SXM4-40GB"},
        ],
    )
    assert [each["name"] for each in (spot, paid, a100)] == ["gpu-spot", "gpu-paid", "gpu-a100"]
    assert [each["autoscaling"]["total_min_node_count"] for each in (spot, paid, a100)] == [1, 0, 0]
    assert [each["autoscaling"]["total_max_node_count"] for each in (spot, paid, a100)] == [3, 3, 3]
    assert [each["node_config"].get("spot") for each in (spot, paid, a100)] == [True, None, None]
    assert a100["node_config"]["machine_type"] == "a2-highgpu-1g"
    assert a100["node_config"]["guest_accelerators"][0]["type"] == "nvidia-tesla-a100"
    assert a100["node_config"]["labels"] == {"modelyard.dev/pool": "gpu", "modelyard.dev/flavor": "a100"}


def test_gke_shares_gpus_by_itself() -> None:
    (cut,) = gke_pools(gpuModel="NVIDIA-A100-SXM4-80GB", mig={"profile": "3g.40gb"})
    (shared,) = gke_pools(timeSlicing={"replicas": 4}, driver="latest")
    assert cut["node_config"]["guest_accelerators"] == [
        {
            "type": "nvidia-a100-80gb",
            "count": 1,
            "gpu_driver_installation_config": {"gpu_driver_version": "DEFAULT"},
            "gpu_partition_size": "3g.40gb",
        }
    ]
    assert shared["node_config"]["guest_accelerators"] == [
        {
            "type": "nvidia-l4",
            "count": 1,
            "gpu_driver_installation_config": {"gpu_driver_version": "LATEST"},
            "gpu_sharing_config": {"gpu_sharing_strategy": "TIME_SHARING", "max_shared_clients_per_gpu": 4},
        }
    ]
    assert cut["node_config"]["labels"] == shared["node_config"]["labels"] == {"modelyard.dev/pool": "gpu"}


def test_gke_calls_the_gpu_of_a3_mega_by_another_name() -> None:
    h100 = {"gpuModel": "NVIDIA-H100-80GB-HBM3", "gpusPerNode": 8}
    (high,), (mega,) = gke_pools(**h100), gke_pools(**h100, instanceTypes=["a3-megagpu-8g"])
    assert high["node_config"]["machine_type"] == "a3-highgpu-8g"
    assert high["node_config"]["guest_accelerators"][0]["type"] == "nvidia-h100-80gb"
    assert mega["node_config"]["guest_accelerators"][0]["type"] == "nvidia-h100-mega-80gb"


def test_gke_has_tpus_by_the_machine_type_alone() -> None:
    (found,) = gke_pools(accelerator="tpu", gpuModel="tpu-v5-lite-podslice", gpusPerNode=4)
    assert found["node_config"] == {
        "machine_type": "ct5lp-hightpu-4t",
        "disk_size_gb": 200,
        "labels": {"modelyard.dev/pool": "gpu"},
        "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
    }


def test_eks() -> None:
    ((group, template),) = eks_groups(minNodes=1, maxNodes=3)
    assert group == {
        "cluster_name": "llm",
        "node_group_name": "gpu",
        "node_role_arn": "arn:aws:iam::123456789012:role/nodes",
        "subnet_ids": ["subnet-a"],
        "ami_type": "AL2023_x86_64_NVIDIA",
        "capacity_type": "ON_DEMAND",
        "instance_types": ["g6.2xlarge"],
        "labels": {"modelyard.dev/pool": "gpu"},
        "taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}],
        "scaling_config": {"desired_size": 1, "min_size": 1, "max_size": 3},
        "update_config": {"max_unavailable": 1},
    }
    assert template == {
        "block_device_mappings": [
            {
                "device_name": "/dev/xvda",
                "ebs": {"volume_size": 200, "volume_type": "gp3", "delete_on_termination": "true"},
            }
        ]
    }


def test_eks_takes_machines_from_a_reservation_by_the_launch_template() -> None:
    ((group, template),) = eks_groups(capacity="reservation", reservation="cr-0123", disk={"type": "io2"})
    assert group["capacity_type"] == "ON_DEMAND"
    assert template["capacity_reservation_specification"] == {
        "capacity_reservation_target": {"capacity_reservation_id": "cr-0123"}
    }
    assert template["block_device_mappings"][0]["ebs"]["volume_type"] == "io2"


def test_eks_flavors_machines_and_sharing() -> None:
    (spot, _), (paid, _) = eks_groups(
        driver="none",
        timeSlicing={"replicas": 2},
        flavors=[{"name": "spot", "capacity": "spot", "instanceTypes": ["g6.xlarge", "g5.xlarge"]}, {"name": "paid"}],
    )
    assert (spot["capacity_type"], spot["instance_types"]) == ("SPOT", ["g6.xlarge", "g5.xlarge"])
    assert (paid["capacity_type"], paid["instance_types"]) == ("ON_DEMAND", ["g6.2xlarge"])
    assert spot["ami_type"] == "AL2023_x86_64_STANDARD"
    assert spot["labels"] == {
        "modelyard.dev/pool": "gpu",
        "modelyard.dev/flavor": "spot",
        "nvidia.com/device-plugin.config": "gpu",
    }


def test_aks() -> None:
    assert aks_pools(maxNodes=2, zones=["1"], subnetId="/subnet", disk={"sizeGib": 300, "type": "Ephemeral"}) == [
        {
            "kubernetes_cluster_id": CLUSTER_ID,
            "name": "gpu",
            "mode": "User",
            "vm_size": "Standard_NV36ads_A10_v5",
            "auto_scaling_enabled": True,
            "min_count": 0,
            "max_count": 2,
            "os_disk_size_gb": 300,
            "os_disk_type": "Ephemeral",
            "zones": ["1"],
            "vnet_subnet_id": "/subnet",
            "node_labels": {"modelyard.dev/pool": "gpu"},
            "node_taints": ["nvidia.com/gpu=present:NoSchedule"],
            "gpu_driver": "Install",
        }
    ]


def test_aks_on_spot_machines() -> None:
    (found,) = aks_pools(capacity="spot")
    assert {key: found[key] for key in ("priority", "eviction_policy", "spot_max_price")} == {
        "priority": "Spot",
        "eviction_policy": "Delete",
        "spot_max_price": -1,
    }
    assert found["node_labels"]["kubernetes.azure.com/scalesetpriority"] == "spot"
    assert found["node_taints"] == [
        "nvidia.com/gpu=present:NoSchedule",
        "kubernetes.azure.com/scalesetpriority=spot:NoSchedule",
    ]


def test_aks_from_a_reservation_cut_into_slices() -> None:
    (found,) = aks_pools(
        capacity="reservation",
        reservation="/capacityReservationGroups/a100",
        gpuModel="NVIDIA-A100-80GB-PCIe",
        mig={"profile": "3g.40gb"},
    )
    assert found["capacity_reservation_group_id"] == "/capacityReservationGroups/a100"
    assert found["gpu_instance"] == "MIG3g"
    assert found["node_labels"] == {
        "modelyard.dev/pool": "gpu",
        "nvidia.com/device-plugin.config": "gpu",
        "nvidia.com/mig.config": "all-3g.40gb",
    }


@pytest.mark.parametrize(
    "changes",
    [{"driver": "none"}, {"accelerator": "amd", "gpuModel": "AMD_Instinct_MI300X_OAM", "gpusPerNode": 8}],
)
def test_aks_leaves_the_driver_to_others(changes: dict[str, Any]) -> None:
    (found,) = aks_pools(**changes)
    assert found["gpu_driver"] == "None"


def test_aks_taints_nodes_with_gpus_of_amds_by_their_own_resource() -> None:
    (found,) = aks_pools(accelerator="amd", gpuModel="AMD_Instinct_MI300X_OAM", gpusPerNode=8)
    assert found["vm_size"] == "Standard_ND96isr_MI300X_v5"
    assert found["node_taints"] == ["amd.com/gpu=present:NoSchedule"]


def test_ack() -> None:
    assert ack_pools(maxNodes=2, keyName="ssh", driverVersion="550.144.03") == [
        {
            "cluster_id": "c0123",
            "node_pool_name": "gpu",
            "vswitch_ids": ["vsw-a"],
            "instance_types": ["ecs.gn7i-c8g1.2xlarge"],
            "instance_charge_type": "PostPaid",
            "system_disk_category": "cloud_essd",
            "system_disk_size": 200,
            "labels": [
                {"key": "modelyard.dev/pool", "value": "gpu"},
                {"key": "ack.aliyun.com/nvidia-driver-version", "value": "550.144.03"},
            ],
            "taints": [TAINT],
            "scaling_config": {"enable": True, "type": "gpu", "min_size": 0, "max_size": 2},
            "key_name": "ssh",
        }
    ]


def test_ack_of_one_size_on_spot_machines_or_from_a_reservation() -> None:
    (spot,) = ack_pools(minNodes=2, maxNodes=2, capacity="spot", disk={"type": "cloud_auto"})
    (reserved,) = ack_pools(capacity="reservation", reservation="eap-1")
    assert spot["desired_size"] == "2"
    assert "scaling_config" not in spot
    assert (spot["spot_strategy"], spot["system_disk_category"]) == ("SpotAsPriceGo", "cloud_auto")
    assert reserved["private_pool_options"] == {
        "private_pool_options_id": "eap-1",
        "private_pool_options_match_criteria": "Target",
    }


def test_karpenter_on_aws() -> None:
    pool = by_karpenter(maxNodes=2, gpusPerNode=4, zones=["eu-west-1a"])
    assert karpenter.node_class(pool) == {
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": {"name": "gpu"},
        "spec": {
            "role": "nodes",
            "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": "llm"}}],
            "securityGroupSelectorTerms": [{"tags": {"karpenter.sh/discovery": "llm"}}],
            "blockDeviceMappings": [
                {
                    "deviceName": "/dev/xvda",
                    "ebs": {"volumeSize": "200Gi", "volumeType": "gp3", "deleteOnTermination": True},
                }
            ],
        },
    }
    assert karpenter.node_pools(pool) == [
        {
            "apiVersion": "karpenter.sh/v1",
            "kind": "NodePool",
            "metadata": {"name": "gpu"},
            "spec": {
                "template": {
                    "metadata": {"labels": {"modelyard.dev/pool": "gpu"}},
                    "spec": {
                        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "gpu"},
                        "requirements": [
                            {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                            {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
                            {
                                "key": "node.kubernetes.io/instance-type",
                                "operator": "In",
                                "values": ["g6.12xlarge", "g6.24xlarge"],
                            },
                            {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
                            {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eu-west-1a"]},
                        ],
                        "taints": [TAINT],
                        "expireAfter": "Never",
                    },
                },
                "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "300s"},
                "limits": {"nvidia.com/gpu": "8"},
            },
        }
    ]


def test_karpenter_tries_flavors_by_their_weight() -> None:
    pool = by_karpenter(
        expireAfterHours=720,
        flavors=[
            {"name": "reserved", "capacity": "reservation", "reservation": "cr-1"},
            {"name": "spot", "capacity": "spot"},
            {"name": "a10g", "gpuModel": "NVIDIA-A10G"},
        ],
    )
    made = karpenter.node_pools(pool)
    assert [(each["metadata"]["name"], each["spec"]["weight"]) for each in made] == [
        ("gpu-reserved", 100),
        ("gpu-spot", 90),
        ("gpu-a10g", 80),
    ]
    node_class = karpenter.node_class(pool)
    assert node_class
    assert node_class["spec"]["capacityReservationSelectorTerms"] == [{"id": "cr-1"}]
    reserved, spot, _ = (
        {each["key"]: each["values"] for each in one["spec"]["template"]["spec"]["requirements"]} for one in made
    )
    assert reserved["karpenter.sh/capacity-type"] == ["reserved"]
    assert reserved["karpenter.k8s.aws/capacity-reservation-id"] == ["cr-1"]
    assert spot["karpenter.sh/capacity-type"] == ["spot"]
    assert made[0]["spec"]["template"]["spec"]["expireAfter"] == "720h"
    assert made[2]["spec"]["template"]["metadata"]["labels"]["modelyard.dev/flavor"] == "a10g"


def test_karpenter_on_aws_with_bottlerocket_a_profile_and_tags() -> None:
    settings = {
        **CLUSTERS["karpenter"]["ec2NodeClass"],
        "role": None,
        "instanceProfile": "nodes",
        "ami": "bottlerocket@1.50.0",
        "tags": {"team": "llm"},
    }
    made = karpenter.node_class(by_karpenter(ec2NodeClass=settings))
    assert made
    assert made["spec"]["instanceProfile"] == "nodes"
    assert "role" not in made["spec"]
    assert made["spec"]["blockDeviceMappings"][0]["deviceName"] == "/dev/xvdb"
    assert made["spec"]["tags"] == {"team": "llm"}


def test_karpenter_on_azure() -> None:
    made = karpenter.node_class(on_azure())
    assert made == {
        "apiVersion": "karpenter.azure.com/v1beta1",
        "kind": "AKSNodeClass",
        "metadata": {"name": "gpu"},
        "spec": {"imageFamily": "Ubuntu", "osDiskSizeGB": 200},
    }
    (pool,) = karpenter.node_pools(on_azure())
    template = pool["spec"]["template"]["spec"]
    assert template["nodeClassRef"] == {"group": "karpenter.azure.com", "kind": "AKSNodeClass", "name": "gpu"}
    assert template["requirements"][2]["values"] == ["Standard_NV36ads_A10_v5", "Standard_NV36adms_A10_v5"]


def test_karpenter_on_azure_with_all_that_can_be_said() -> None:
    settings = {"imageFamily": "AzureLinux", "subnetId": "/subnet", "driver": "none", "tags": {"team": "llm"}}
    made = karpenter.node_class(on_azure(aksNodeClass=settings, disk={"sizeGib": 500}))
    assert made
    assert made["spec"] == {
        "imageFamily": "AzureLinux",
        "osDiskSizeGB": 500,
        "gpu": {"mode": "None"},
        "vnetSubnetID": "/subnet",
        "tags": {"team": "llm"},
    }


@pytest.mark.parametrize(
    ("kind", "group", "model"),
    [
        ("EC2NodeClass", "karpenter.k8s.aws", "NVIDIA-L4"),
        ("AKSNodeClass", "karpenter.azure.com", "NVIDIA-A10"),
    ],
)
def test_karpenter_with_a_node_class_that_is_there(kind: str, group: str, model: str) -> None:
    pool = by_karpenter(ec2NodeClass=None, nodeClass={"kind": kind, "name": "shared"}, gpuModel=model)
    assert karpenter.node_class(pool) is None
    (made,) = karpenter.node_pools(pool)
    reference = made["spec"]["template"]["spec"]["nodeClassRef"]
    assert reference == {"group": group, "kind": kind, "name": "shared"}


def test_names_are_made_to_fit() -> None:
    assert fitted("gpu-spot", 40) == "gpu-spot"
    long, other = fitted("a" * 52, 40), fitted("a" * 51 + "b", 40)
    assert len(long) == len(other) == 40
    assert long != other
    assert alphanumeric("gpu", 12) == "gpu"
    assert alphanumeric("gpu-spot", 12) != alphanumeric("gpus-pot", 12)
    assert all(len(name) <= 12 and name.isalnum() for name in (alphanumeric("gpu-spot-one-more", 12),))
