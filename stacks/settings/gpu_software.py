"""What makes a cluster offer NVIDIA's GPUs to pods: the device plugin, or the GPU operator."""

from typing import Annotated, Any, Literal

from pydantic import Field, Tag

from stacks.settings.base import Int32, Name, Settings
from stacks.settings.chart import ChartSettings, ChartText
from stacks.settings.kinds import TAG, by_kind


class DevicePluginChartSettings(ChartSettings):
    """Where the chart of NVIDIA's device plugin comes from."""

    version: ChartText = "0.20.0"
    """The chart's version."""
    source: ChartText = "https://nvidia.github.io/k8s-device-plugin"
    """A chart repository (``https://...``), a chart in a registry (``oci://...``), or a folder or archive."""


class DcgmExporterChartSettings(ChartSettings):
    """Where the chart of NVIDIA's DCGM exporter comes from."""

    version: ChartText = "4.8.2"
    """The chart's version."""
    source: ChartText = "https://nvidia.github.io/dcgm-exporter/helm-charts"
    """A chart repository (``https://...``), a chart in a registry (``oci://...``), or a folder or archive."""


class GpuOperatorChartSettings(ChartSettings):
    """Where the chart of NVIDIA's GPU operator comes from."""

    version: ChartText = "v26.7.0"
    """The chart's version."""
    source: ChartText = "https://helm.ngc.nvidia.com/nvidia"
    """A chart repository (``https://...``), a chart in a registry (``oci://...``), or a folder or archive."""


class ServiceMonitorSettings(Settings):
    """A ServiceMonitor, by which a Prometheus operator finds metrics. The cluster must have its definition."""

    labels: dict[str, str] = {}
    """Labels that the Prometheus selects by, such as ``release: kube-prometheus-stack``."""
    interval_seconds: Int32 = Field(default=15, ge=1)
    """Seconds between two readings."""


class GpuMetricsSettings(Settings):
    """Metrics of the GPUs, by NVIDIA's DCGM exporter on port 9400 of a Service."""

    service_monitor: ServiceMonitorSettings | None = None
    """A ServiceMonitor for them. Default: none."""


class DcgmExporterSettings(GpuMetricsSettings):
    """NVIDIA's DCGM exporter, as a Helm release of its own."""

    chart: DcgmExporterChartSettings = DcgmExporterChartSettings()
    """The Helm chart."""
    values: dict[str, Any] = {}
    """Further values of the chart, laid over what the other settings make."""


class CommonGpuSoftwareSettings(Settings):
    """What both kinds of GPU software have in common."""

    create_namespace: bool = True
    """Whether the program makes the namespace, which lets privileged pods in. It then goes with the stack. False for
    a namespace that is there, and whose label ``pod-security.kubernetes.io/enforce`` is ``privileged``."""
    node_feature_discovery: bool = True
    """Whether the chart installs Node Feature Discovery, by whose labels GPU nodes are found. False where the cluster
    has it already, since a second one would fight over the nodes' labels."""
    values: dict[str, Any] = {}
    """Further values of the chart, laid over what the other settings make. They are no place for secrets."""


class DevicePluginSettings(CommonGpuSoftwareSettings):
    """NVIDIA's device plugin with GPU feature discovery, for nodes that have a driver and the container toolkit."""

    kind: Literal["device_plugin"]
    """What makes the cluster offer its GPUs."""
    namespace: Name = "nvidia-device-plugin"
    """Namespace of the device plugin and of the DCGM exporter."""
    chart: DevicePluginChartSettings = DevicePluginChartSettings()
    """The Helm chart."""
    node_selector: dict[str, str] = {}
    """Labels of the nodes that get it. Default: all with a GPU of NVIDIA's."""
    runtime_class: str | None = None
    """RuntimeClass of its pods, such as ``nvidia``, where the nodes' runtime has NVIDIA's not for its default."""
    metrics: DcgmExporterSettings | None = None
    """Metrics of the GPUs. Default: none."""


class GpuOperatorSettings(CommonGpuSoftwareSettings):
    """NVIDIA's GPU operator: driver, container toolkit, device plugin, MIG manager and metrics in one."""

    kind: Literal["gpu_operator"]
    """What makes the cluster offer its GPUs."""
    namespace: Name = "gpu-operator"
    """Namespace of the operator and of all that it runs."""
    chart: GpuOperatorChartSettings = GpuOperatorChartSettings()
    """The Helm chart."""
    driver: bool = True
    """Whether it installs the driver. False where the nodes' image has one, or the cloud installs it."""
    driver_version: str | None = Field(default=None, min_length=1)
    """Version of the driver, such as ``580.105.08``. Default: the chart's."""
    toolkit: bool = True
    """Whether it installs the container toolkit. False where the nodes' image has it, as on AKS."""
    cdi: bool = True
    """Whether GPUs come into containers by the Container Device Interface."""
    reboot_for_mig: bool = False
    """Whether a node may be rebooted when its GPUs are cut into slices anew. Virtual machines of clouds need it."""
    metrics: GpuMetricsSettings | None = GpuMetricsSettings()
    """Metrics of the GPUs. ``null`` for none."""


class NoGpuSoftwareSettings(Settings):
    """The cluster offers its GPUs already, or has none."""

    kind: Literal["none"] = "none"
    """What makes the cluster offer its GPUs."""


GPU_SOFTWARE_KINDS: dict[str, type[Settings]] = {
    "none": NoGpuSoftwareSettings,
    "device_plugin": DevicePluginSettings,
    "gpu_operator": GpuOperatorSettings,
}
"""The kinds of GPU software, and what can be said of each."""

InstalledGpuSoftware = DevicePluginSettings | GpuOperatorSettings
"""GPU software that the program installs."""

GpuSoftwareSettings = Annotated[
    Annotated[NoGpuSoftwareSettings, Tag(f"{TAG}none")]
    | Annotated[DevicePluginSettings, Tag(f"{TAG}device_plugin")]
    | Annotated[GpuOperatorSettings, Tag(f"{TAG}gpu_operator")],
    by_kind("GPU software", GPU_SOFTWARE_KINDS, default="none"),
]
"""GPU software of any kind. Where a stack names none, the cluster has it."""
