"""The Helm release of NVIDIA's GPU operator, with its images."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from components.manifests.gpu_software.device_plugin import DISCOVERY_IMAGE, DISCOVERY_TAG, image_values
from components.manifests.gpu_software.metrics import service_monitor
from components.manifests.gpu_software.nodes import tolerations
from components.manifests.gpu_software.sharing import DEFAULT_CONFIG, plugin_config_texts
from components.manifests.helm import ChartRelease, chart_source, merged
from components.manifests.images import mirrored
from stacks.settings import GpuNodePoolSettings, StackSettings
from stacks.settings.gpu_software import GpuMetricsSettings, GpuOperatorSettings

OPERATOR = "gpu-operator"
"""Name of the release, and of its chart."""
CONFIG_MAP = "modelyard-device-plugin"
"""Beginning of the name of the ConfigMap that the chart makes of the device plugin's configurations."""
AKS_RUNTIME_CLASS = "nvidia-container-runtime"
"""The RuntimeClass of pods with GPUs on nodes whose container toolkit is AKS's."""
NODE_SYSTEM = "<system of the nodes>"
"""What stands in the list of images for the end of the driver's tag, such as ``ubuntu24.04``: nodes decide it."""


@dataclass(frozen=True)
class Operand:
    """An image that the operator has nodes pull."""

    place: tuple[str, ...]
    """Where the chart's values have its ``repository``."""
    repository: str
    """Registry and folder of the image."""
    image: str
    """Its name there."""
    version: str
    """Its version in the chart that the program was built for."""


def release(stack: StackSettings, software: GpuOperatorSettings) -> ChartRelease:
    """The Helm release."""
    source = chart_source(OPERATOR, software.chart, stack.image_mirror)
    return ChartRelease(OPERATOR, source, _values(stack, software))


def images(stack: StackSettings, software: GpuOperatorSettings) -> list[str]:
    """The addresses of all images that the operator has the cluster pull."""
    found = [
        f"{mirrored(operand.repository, stack.image_mirror)}/{operand.image}:{operand.version}"
        for operand in _operands(software)
    ]
    if software.node_feature_discovery:
        found.append(f"{mirrored(DISCOVERY_IMAGE, stack.image_mirror)}:{DISCOVERY_TAG}")
    return list(dict.fromkeys(found))


def _values(stack: StackSettings, software: GpuOperatorSettings) -> dict[str, Any]:
    taints = tolerations(stack)
    made: dict[str, Any] = {
        "driver": _driver(software),
        "toolkit": {"enabled": software.toolkit},
        "cdi": {"enabled": software.cdi},
        "daemonsets": {"tolerations": taints},
        "dcgmExporter": _metrics(software.metrics),
        "nfd": {"enabled": software.node_feature_discovery},
    }
    if software.node_feature_discovery:
        discovery = {"worker": {"tolerations": taints}, **image_values(DISCOVERY_IMAGE, stack.image_mirror)}
        made["node-feature-discovery"] = discovery
    if not software.toolkit and any(_on_azure(pool) for pool in stack.pools):
        made["operator"] = {"runtimeClass": AKS_RUNTIME_CLASS}
    if software.reboot_for_mig:
        made["migManager"] = {"env": [{"name": "WITH_REBOOT", "value": "true"}]}
    return merged(merged(merged(made, _sharing(stack)), _mirror(stack, software)), software.values)


def _on_azure(pool: GpuNodePoolSettings) -> bool:
    return pool.adapter == "aks" or (pool.adapter == "karpenter" and pool.on_azure)


def _driver(software: GpuOperatorSettings) -> dict[str, Any]:
    version = {"version": software.driver_version} if software.driver_version else {}
    return {"enabled": software.driver, **version}


def _metrics(metrics: GpuMetricsSettings | None) -> dict[str, Any]:
    if metrics is None:
        return {"enabled": False}
    return {"enabled": True, "serviceMonitor": service_monitor(metrics.service_monitor)}


def _sharing(stack: StackSettings) -> dict[str, Any]:
    configs = plugin_config_texts(stack)
    if not configs:
        return {}
    # The operator starts the plugin anew for another ConfigMap, and not for other contents.
    name = f"{CONFIG_MAP}-{sha256(''.join(configs.values()).encode()).hexdigest()[:8]}"
    plugin = {"config": {"create": True, "name": name, "default": DEFAULT_CONFIG, "data": configs}}
    values: dict[str, Any] = {"devicePlugin": plugin}
    # The operator gives all nodes one strategy, which counts before that of a node's own configuration.
    if strategies := [pool.mig.strategy for pool in stack.pools if pool.mig]:
        values["mig"] = {"strategy": strategies[0]}
    return values


def _mirror(stack: StackSettings, software: GpuOperatorSettings) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if stack.image_mirror:
        for operand in _operands(software):
            nested: dict[str, Any] = {"repository": mirrored(operand.repository, stack.image_mirror)}
            for key in reversed(operand.place):
                nested = {key: nested}
            values = merged(values, nested)
    return values


def _operands(software: GpuOperatorSettings) -> Iterator[Operand]:
    version = software.chart.version
    yield Operand(("operator",), "nvcr.io/nvidia", "gpu-operator", version)
    yield Operand(("validator",), "nvcr.io/nvidia", "gpu-operator", version)
    if software.driver:
        driver = f"{software.driver_version or '595.91.07'}-{NODE_SYSTEM}"
        yield Operand(("driver",), "nvcr.io/nvidia", "driver", driver)
        yield Operand(("driver", "manager"), "nvcr.io/nvidia/cloud-native", "k8s-driver-manager", "v0.12.0")
    if software.toolkit:
        yield Operand(("toolkit",), "nvcr.io/nvidia/k8s", "container-toolkit", "v1.20.0")
    yield Operand(("devicePlugin",), "nvcr.io/nvidia", "k8s-device-plugin", "v0.20.0")
    yield Operand(("gfd",), "nvcr.io/nvidia", "k8s-device-plugin", "v0.20.0")
    yield Operand(("migManager",), "nvcr.io/nvidia/cloud-native", "k8s-mig-manager", "v0.15.0")
    if software.metrics:
        yield Operand(("dcgmExporter",), "nvcr.io/nvidia/k8s", "dcgm-exporter", "4.6.0-4.8.3-distroless")
