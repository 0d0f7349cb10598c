"""Everything that GPU software consists of in the cluster."""

from components.manifests import objects
from components.manifests.gpu_software import device_plugin, gpu_operator
from components.manifests.helm import ChartRelease
from components.manifests.objects import Manifest
from stacks.settings import StackSettings
from stacks.settings.gpu_software import DevicePluginSettings, InstalledGpuSoftware

CRITICAL = ("system-node-critical", "system-cluster-critical")
"""The PriorityClasses that the charts' pods have."""


def releases(stack: StackSettings, software: InstalledGpuSoftware) -> list[ChartRelease]:
    """The Helm releases, in the order in which they can start."""
    if isinstance(software, DevicePluginSettings):
        return device_plugin.releases(stack, software)
    return [gpu_operator.release(stack, software)]


def images(stack: StackSettings, software: InstalledGpuSoftware) -> list[str]:
    """The addresses of all images that the releases have the cluster pull."""
    if isinstance(software, DevicePluginSettings):
        return device_plugin.images(stack, software)
    return gpu_operator.images(stack, software)


def namespace(software: InstalledGpuSoftware) -> Manifest:
    """The namespace. Drivers and plugins are privileged pods, which Pod Security would refuse elsewhere."""
    return objects.namespace(software.namespace, "privileged")


def priority_quota(software: InstalledGpuSoftware) -> Manifest:
    """The quota without which GKE lets no pod of another namespace than ``kube-system`` be critical."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "critical-pods", "namespace": software.namespace},
        "spec": {
            # More than a cluster has nodes for: the quota is there to allow, not to limit.
            "hard": {"pods": "100k"},
            "scopeSelector": {
                "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": list(CRITICAL)}]
            },
        },
    }
