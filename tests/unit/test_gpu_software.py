"""The Helm releases of GPU software: exact values, images, and what stands around them.

Every key here was looked up in the charts' own values.yaml, and the charts were rendered with these values.
"""

from typing import Any

import pytest
import yaml

from components.manifests.gpu_software import release as manifests
from components.manifests.helm import ChartRelease, ChartSource
from stacks.settings import load
from stacks.settings.gpu_software import InstalledGpuSoftware
from stacks.settings.sharing import node_labels

NVIDIA_TAINT = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
TEAM_TAINT = {"key": "team", "operator": "Equal", "value": "ml"}
MIRROR = "mirror.example:5000/ai"

SHARED = {
    "name": "shared",
    "timeSlicing": {"replicas": 4},
    "nodeSelector": {"nvidia.com/device-plugin.config": "shared"},
}
CUT = {
    "name": "cut",
    "mig": {"profile": "1g.10gb", "strategy": "mixed"},
    "nodeSelector": {"nvidia.com/device-plugin.config": "cut", "nvidia.com/mig.config": "all-1g.10gb"},
}
CONFIGS = {
    "_default": {"version": "v1", "flags": {"migStrategy": "none"}},
    "shared": {
        "version": "v1",
        "flags": {"migStrategy": "none"},
        "sharing": {
            "timeSlicing": {
                "failRequestsGreaterThanOne": True,
                "resources": [{"name": "nvidia.com/gpu", "replicas": 4}],
            }
        },
    },
    "cut": {"version": "v1", "flags": {"migStrategy": "mixed"}},
}


def made(software: dict[str, Any], **changes: Any) -> list[ChartRelease]:
    stack = load({"gpuSoftware": software, **changes})
    return manifests.releases(stack, installed(software, **changes))


def installed(software: dict[str, Any], **changes: Any) -> InstalledGpuSoftware:
    found = load({"gpuSoftware": software, **changes}).gpu_software
    assert found.kind != "none"
    return found


def images(software: dict[str, Any], **changes: Any) -> list[str]:
    return manifests.images(load({"gpuSoftware": software, **changes}), installed(software, **changes))


def read(texts: dict[str, str]) -> dict[str, Any]:
    return {name: yaml.safe_load(text) for name, text in texts.items()}


def test_a_stack_that_says_nothing_installs_nothing() -> None:
    assert load({}).gpu_software.kind == "none"


def test_the_device_plugin_with_what_finds_its_nodes() -> None:
    assert made({"kind": "device_plugin"}) == [
        ChartRelease(
            "nvidia-device-plugin",
            ChartSource("nvidia-device-plugin", "https://nvidia.github.io/k8s-device-plugin", "0.20.0"),
            {
                "gfd": {"enabled": True},
                "nfd": {"enabled": True, "worker": {"tolerations": [NVIDIA_TAINT]}},
                "tolerations": [NVIDIA_TAINT],
            },
        )
    ]


def test_the_device_plugin_tolerates_the_taints_of_all_pools_of_nvidias() -> None:
    pools = [
        {"name": "l4", "tolerations": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}, TEAM_TAINT]},
        {"name": "h100", "tolerations": [TEAM_TAINT]},
        {"name": "mi300", "accelerator": "amd"},
    ]
    (plugin,) = made({"kind": "device_plugin", "nodeFeatureDiscovery": False}, pools=pools)
    assert plugin.values == {
        "gfd": {"enabled": True},
        "nfd": {"enabled": False},
        "tolerations": [NVIDIA_TAINT, TEAM_TAINT],
    }


def test_the_dcgm_exporter_runs_where_the_driver_does() -> None:
    monitor = {"labels": {"release": "kps"}, "intervalSeconds": 5}
    software = {
        "kind": "device_plugin",
        "runtimeClass": "nvidia",
        "nodeSelector": {"gpu": "l4"},
        "metrics": {"serviceMonitor": monitor, "values": {"resources": {"limits": {"memory": "1Gi"}}}},
    }
    plugin, exporter = made(software)
    pods = {"nodeSelector": {"gpu": "l4"}, "runtimeClassName": "nvidia"}
    assert plugin.values.items() >= pods.items()
    assert exporter.source == ChartSource(
        "dcgm-exporter", "https://nvidia.github.io/dcgm-exporter/helm-charts", "4.8.2"
    )
    assert exporter.values == {
        **pods,
        "tolerations": [NVIDIA_TAINT],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "nvidia.com/gpu.product", "operator": "Exists"}]}
                    ]
                }
            }
        },
        "serviceMonitor": {
            "enabled": True,
            "interval": "5s",
            "scrapeTimeout": "5s",
            "additionalLabels": {"release": "kps"},
        },
        "resources": {"limits": {"memory": "1Gi"}},
    }


def test_the_dcgm_exporter_without_a_prometheus_operator() -> None:
    _, exporter = made({"kind": "device_plugin", "metrics": {}})
    assert exporter.values["serviceMonitor"] == {"enabled": False}


def test_the_gpu_operator_as_it_is_installed_by_default() -> None:
    assert made({"kind": "gpu_operator"}) == [
        ChartRelease(
            "gpu-operator",
            ChartSource("gpu-operator", "https://helm.ngc.nvidia.com/nvidia", "v26.7.0"),
            {
                "driver": {"enabled": True},
                "toolkit": {"enabled": True},
                "cdi": {"enabled": True},
                "daemonsets": {"tolerations": [NVIDIA_TAINT]},
                "dcgmExporter": {"enabled": True, "serviceMonitor": {"enabled": False}},
                "nfd": {"enabled": True},
                "node-feature-discovery": {"worker": {"tolerations": [NVIDIA_TAINT]}},
            },
        )
    ]


def test_the_gpu_operator_on_nodes_that_have_much_of_it() -> None:
    software = {
        "kind": "gpu_operator",
        "driver": False,
        "toolkit": False,
        "cdi": False,
        "nodeFeatureDiscovery": False,
        "rebootForMig": True,
        "metrics": None,
        "values": {"toolkit": {"env": [{"name": "RUNTIME_CONFIG_SOURCE", "value": "file"}]}},
    }
    (operator,) = made(software)
    assert operator.values == {
        "driver": {"enabled": False},
        "toolkit": {"enabled": False, "env": [{"name": "RUNTIME_CONFIG_SOURCE", "value": "file"}]},
        "cdi": {"enabled": False},
        "daemonsets": {"tolerations": [NVIDIA_TAINT]},
        "dcgmExporter": {"enabled": False},
        "nfd": {"enabled": False},
        "migManager": {"env": [{"name": "WITH_REBOOT", "value": "true"}]},
    }


def test_the_gpu_operators_metrics_and_driver() -> None:
    metrics = {"serviceMonitor": {"labels": {"release": "kps"}}}
    (operator,) = made({"kind": "gpu_operator", "driverVersion": "580.105.08", "metrics": metrics})
    assert operator.values["driver"] == {"enabled": True, "version": "580.105.08"}
    assert operator.values["dcgmExporter"] == {
        "enabled": True,
        "serviceMonitor": {
            "enabled": True,
            "interval": "15s",
            "scrapeTimeout": "10s",
            "additionalLabels": {"release": "kps"},
        },
    }


@pytest.mark.parametrize(
    "pool",
    [
        {"adapter": "aks", "clusterId": "/subscriptions/a", "gpuModel": "NVIDIA-A100-SXM4-80GB"},
        {"adapter": "karpenter", "nodeClass": {"kind": "AKSNodeClass", "name": "gpu"}},
    ],
)
def test_the_gpu_operator_where_aks_brings_driver_and_toolkit(pool: dict[str, Any]) -> None:
    pools = [{"name": "a100", "instanceTypes": ["Standard_ND96amsr_A100_v4"], "gpusPerNode": 8, **pool}]
    (operator,) = made({"kind": "gpu_operator", "driver": False, "toolkit": False}, pools=pools)
    assert operator.values["operator"] == {"runtimeClass": "nvidia-container-runtime"}


def test_shared_gpus_are_configurations_of_the_device_plugin_by_pool() -> None:
    (plugin,) = made({"kind": "device_plugin"}, pools=[{"name": "l4"}, SHARED, CUT])
    assert plugin.values["config"]["default"] == "_default"
    assert read(plugin.values["config"]["map"]) == CONFIGS


def test_shared_gpus_are_configurations_of_the_gpu_operator_by_pool() -> None:
    (operator,) = made({"kind": "gpu_operator"}, pools=[{"name": "l4"}, SHARED, CUT])
    config = operator.values["devicePlugin"]["config"]
    assert read(config["data"]) == CONFIGS
    assert {**config, "data": {}} == {
        "create": True,
        "name": "modelyard-device-plugin-e2690906",
        "default": "_default",
        "data": {},
    }
    assert operator.values["mig"] == {"strategy": "mixed"}


def test_other_configurations_are_another_config_map_so_that_the_operator_notices() -> None:
    names = {
        made({"kind": "gpu_operator"}, pools=[{**SHARED, "timeSlicing": {"replicas": replicas}}])[0].values[
            "devicePlugin"
        ]["config"]["name"]
        for replicas in (2, 3)
    }
    assert len(names) == 2


def test_time_slicing_alone_leaves_the_operators_mig_strategy() -> None:
    (operator,) = made({"kind": "gpu_operator"}, pools=[SHARED])
    assert "mig" not in operator.values


def test_labels_of_nodes_whose_gpus_are_shared() -> None:
    whole, shared, cut = load({"pools": [{"name": "whole"}, SHARED, CUT]}).pools
    assert node_labels(whole) == {}
    assert node_labels(shared) == {"nvidia.com/device-plugin.config": "shared"}
    assert node_labels(cut) == {"nvidia.com/device-plugin.config": "cut", "nvidia.com/mig.config": "all-1g.10gb"}


def test_a_mirror_has_charts_and_images_of_the_device_plugin() -> None:
    software = {"kind": "device_plugin", "metrics": {}}
    plugin, exporter = made(software, imageMirror=MIRROR)
    assert plugin.source == ChartSource(f"oci://{MIRROR}/charts/nvidia-device-plugin", None, "0.20.0")
    assert plugin.values["image"] == {"repository": f"{MIRROR}/nvidia/k8s-device-plugin"}
    assert plugin.values["nfd"]["image"] == {"repository": f"{MIRROR}/nfd/node-feature-discovery"}
    assert exporter.source == ChartSource(f"oci://{MIRROR}/charts/dcgm-exporter", None, "4.8.2")
    assert exporter.values["image"] == {"repository": f"{MIRROR}/nvidia/k8s/dcgm-exporter"}
    assert images(software, imageMirror=MIRROR) == [
        f"{MIRROR}/nvidia/k8s-device-plugin:v0.20.0",
        f"{MIRROR}/nfd/node-feature-discovery:v0.19.0",
        f"{MIRROR}/nvidia/k8s/dcgm-exporter:4.5.3-4.8.2-distroless",
    ]


def test_a_mirror_has_chart_and_images_of_the_gpu_operator() -> None:
    software = {"kind": "gpu_operator"}
    (operator,) = made(software, imageMirror=MIRROR)
    assert operator.source == ChartSource(f"oci://{MIRROR}/charts/gpu-operator", None, "v26.7.0")
    repositories = {name: value["repository"] for name, value in operator.values.items() if "repository" in value}
    assert repositories == {
        "operator": f"{MIRROR}/nvidia",
        "validator": f"{MIRROR}/nvidia",
        "driver": f"{MIRROR}/nvidia",
        "toolkit": f"{MIRROR}/nvidia/k8s",
        "devicePlugin": f"{MIRROR}/nvidia",
        "gfd": f"{MIRROR}/nvidia",
        "migManager": f"{MIRROR}/nvidia/cloud-native",
        "dcgmExporter": f"{MIRROR}/nvidia/k8s",
    }
    assert operator.values["driver"] == {
        "enabled": True,
        "repository": f"{MIRROR}/nvidia",
        "manager": {"repository": f"{MIRROR}/nvidia/cloud-native"},
    }
    assert operator.values["node-feature-discovery"]["image"] == {"repository": f"{MIRROR}/nfd/node-feature-discovery"}


def test_images_of_the_gpu_operator() -> None:
    driver = {"kind": "gpu_operator", "driverVersion": "580.105.08"}
    assert images(driver) == [
        "nvcr.io/nvidia/gpu-operator:v26.7.0",
        "nvcr.io/nvidia/driver:580.105.08-<system of the nodes>",
        "nvcr.io/nvidia/cloud-native/k8s-driver-manager:v0.12.0",
        "nvcr.io/nvidia/k8s/container-toolkit:v1.20.0",
        "nvcr.io/nvidia/k8s-device-plugin:v0.20.0",
        "nvcr.io/nvidia/cloud-native/k8s-mig-manager:v0.15.0",
        "nvcr.io/nvidia/k8s/dcgm-exporter:4.6.0-4.8.3-distroless",
        "registry.k8s.io/nfd/node-feature-discovery:v0.19.0",
    ]
    least = {**driver, "driverVersion": None, "driver": False, "toolkit": False, "metrics": None}
    assert images({**least, "nodeFeatureDiscovery": False}) == [
        "nvcr.io/nvidia/gpu-operator:v26.7.0",
        "nvcr.io/nvidia/k8s-device-plugin:v0.20.0",
        "nvcr.io/nvidia/cloud-native/k8s-mig-manager:v0.15.0",
    ]


def test_a_chart_from_a_place_of_the_stacks_own_comes_from_no_mirror() -> None:
    chart = {"source": "oci://registry.example/charts/gpu-operator", "version": "v26.7.1"}
    (operator,) = made({"kind": "gpu_operator", "chart": chart}, imageMirror=MIRROR)
    assert operator.source == ChartSource("oci://registry.example/charts/gpu-operator", None, "v26.7.1")


def test_the_namespace_lets_privileged_and_critical_pods_in() -> None:
    software = installed({"kind": "gpu_operator", "namespace": "gpus"})
    assert manifests.namespace(software) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "gpus",
            "labels": {
                "pod-security.kubernetes.io/enforce": "privileged",
                "pod-security.kubernetes.io/audit": "privileged",
                "pod-security.kubernetes.io/warn": "privileged",
            },
        },
    }
    assert manifests.priority_quota(software) == {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "critical-pods", "namespace": "gpus"},
        "spec": {
            "hard": {"pods": "100k"},
            "scopeSelector": {
                "matchExpressions": [
                    {
                        "scopeName": "PriorityClass",
                        "operator": "In",
                        "values": ["system-node-critical", "system-cluster-critical"],
                    }
                ]
            },
        },
    }
