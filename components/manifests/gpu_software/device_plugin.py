"""The Helm releases of NVIDIA's device plugin and DCGM exporter, with their images."""

from typing import Any

from components.manifests.gpu_software.metrics import service_monitor
from components.manifests.gpu_software.nodes import tolerations, with_working_gpus
from components.manifests.gpu_software.sharing import DEFAULT_CONFIG, plugin_config_texts
from components.manifests.helm import ChartRelease, chart_source, merged
from components.manifests.images import mirrored
from stacks.settings import StackSettings
from stacks.settings.gpu_software import DcgmExporterSettings, DevicePluginSettings

PLUGIN = "nvidia-device-plugin"
"""Name of the device plugin's release, and of its chart."""
EXPORTER = "dcgm-exporter"
"""Name of the DCGM exporter's release, and of its chart."""

PLUGIN_IMAGE = "nvcr.io/nvidia/k8s-device-plugin"
"""The image of device plugin and GPU feature discovery. Its tag is the chart's version."""
DISCOVERY_IMAGE = "registry.k8s.io/nfd/node-feature-discovery"
"""The image of Node Feature Discovery."""
DISCOVERY_TAG = "v0.19.0"
"""Its version in the charts that the program was built for."""
EXPORTER_IMAGE = "nvcr.io/nvidia/k8s/dcgm-exporter"
"""The image of the DCGM exporter."""
EXPORTER_TAG = "4.5.3-4.8.2-distroless"
"""Its version in the chart that the program was built for."""


def releases(stack: StackSettings, software: DevicePluginSettings) -> list[ChartRelease]:
    """The Helm releases, in the order in which they can start."""
    mirror = stack.image_mirror
    plugin = ChartRelease(PLUGIN, chart_source(PLUGIN, software.chart, mirror), _plugin_values(stack, software))
    if software.metrics is None:
        return [plugin]
    source = chart_source(EXPORTER, software.metrics.chart, mirror)
    return [plugin, ChartRelease(EXPORTER, source, _exporter_values(stack, software, software.metrics))]


def images(stack: StackSettings, software: DevicePluginSettings) -> list[str]:
    """The addresses of all images that the releases have the cluster pull."""
    found = [f"{mirrored(PLUGIN_IMAGE, stack.image_mirror)}:v{software.chart.version}"]
    if software.node_feature_discovery:
        found.append(f"{mirrored(DISCOVERY_IMAGE, stack.image_mirror)}:{DISCOVERY_TAG}")
    if software.metrics:
        found.append(f"{mirrored(EXPORTER_IMAGE, stack.image_mirror)}:{EXPORTER_TAG}")
    return found


def image_values(image: str, mirror: str | None) -> dict[str, Any]:
    """Where a chart takes its image from: the mirror, or what the chart says."""
    return {"image": {"repository": mirrored(image, mirror)}} if mirror else {}


def _plugin_values(stack: StackSettings, software: DevicePluginSettings) -> dict[str, Any]:
    taints = tolerations(stack)
    discovery: dict[str, Any] = {"enabled": software.node_feature_discovery}
    if software.node_feature_discovery:
        # By the chart its workers tolerate less than the plugin, which then waits for labels that nobody writes.
        discovery |= {"worker": {"tolerations": taints}, **image_values(DISCOVERY_IMAGE, stack.image_mirror)}
    made: dict[str, Any] = {
        **image_values(PLUGIN_IMAGE, stack.image_mirror),
        "gfd": {"enabled": True},
        "nfd": discovery,
        "tolerations": taints,
        **_pod_values(software),
    }
    if configs := plugin_config_texts(stack):
        made["config"] = {"map": configs, "default": DEFAULT_CONFIG}
    return merged(made, software.values)


def _exporter_values(
    stack: StackSettings, software: DevicePluginSettings, metrics: DcgmExporterSettings
) -> dict[str, Any]:
    made = {
        **image_values(EXPORTER_IMAGE, stack.image_mirror),
        "tolerations": tolerations(stack),
        # By the chart it would run, and fail, on every node.
        "affinity": with_working_gpus(),
        "serviceMonitor": service_monitor(metrics.service_monitor),
        **_pod_values(software),
    }
    return merged(made, metrics.values)


def _pod_values(software: DevicePluginSettings) -> dict[str, Any]:
    """What both charts say of their pods in the same words."""
    values: dict[str, Any] = {}
    if software.node_selector:
        values["nodeSelector"] = software.node_selector
    if software.runtime_class:
        values["runtimeClassName"] = software.runtime_class
    return values
