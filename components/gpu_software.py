"""GPU software: what makes the cluster offer NVIDIA's GPUs to pods."""

from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, ResourceQuota
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from components.manifests.gpu_software import release as manifests
from components.manifests.helm import ChartRelease
from stacks.settings import StackSettings
from stacks.settings.gpu_software import InstalledGpuSoftware

START_SECONDS = 900
"""What the charts' pods may take until they are ready, with the pull of their images."""


class GpuSoftware(pulumi.ComponentResource):
    """NVIDIA's device plugin or GPU operator, by Helm.

    It is complete once the charts' own pods are ready. What the GPU operator starts then, such as the
    driver, takes minutes more on each node, and models' pods wait for it as Pending. Custom resource
    definitions come with the charts and outlive them.
    """

    def __init__(
        self,
        name: str,
        stack: StackSettings,
        software: InstalledGpuSoftware,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("modelyard:index:GpuSoftware", name, {}, opts)
        namespaces = self._namespace(name, software)
        before = [*namespaces, self._quota(name, software, namespaces)]
        for chart in manifests.releases(stack, software):
            before = [self._release(name, chart, software, before)]
        self.register_outputs({})

    def _namespace(self, name: str, software: InstalledGpuSoftware) -> list[pulumi.Resource]:
        if not software.create_namespace:
            return []
        manifest = manifests.namespace(software)
        return [Namespace(f"{name}-namespace", metadata=manifest["metadata"], opts=self._child())]

    def _quota(self, name: str, software: InstalledGpuSoftware, after: list[pulumi.Resource]) -> pulumi.Resource:
        manifest = manifests.priority_quota(software)
        opts = self._child(depends_on=after)
        return ResourceQuota(f"{name}-quota", metadata=manifest["metadata"], spec=manifest["spec"], opts=opts)

    def _release(
        self, name: str, chart: ChartRelease, software: InstalledGpuSoftware, before: list[pulumi.Resource]
    ) -> Release:
        source = chart.source
        return Release(
            f"{name}-{chart.name}",
            name=chart.name,
            namespace=software.namespace,
            chart=source.chart,
            version=source.version,
            repository_opts=RepositoryOptsArgs(repo=source.repository) if source.repository else None,
            values=chart.values,
            timeout=START_SECONDS,
            # A release that failed stays, for its pods say why, and the next update goes on from it.
            atomic=False,
            cleanup_on_fail=True,
            opts=self._child(depends_on=before),
        )

    def _child(self, **options: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, **options)
