"""Installing an operator by Helm, so that models can count on its webhooks."""

import pulumi
from pulumi_kubernetes.apps.v1 import DeploymentPatch
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from components.manifests.helm import ChartRelease
from components.manifests.objects import Manifest

INSTALL_SECONDS = 600
"""What the installation may take, with the pull of its images."""


def install(
    parent: pulumi.ComponentResource, name: str, chart: ChartRelease, namespace: Manifest, webhook_probe: Manifest
) -> None:
    """Make the resources of an operator: namespace, release, and the probe that its Deployment lacks.

    Args:
        parent: the operator's component.
        name: what the names of the resources begin with.
        chart: the Helm release.
        namespace: the operator's namespace.
        webhook_probe: what is added to its Deployment, which is ready only then.
    """
    place = Namespace(f"{name}-namespace", metadata=namespace["metadata"], opts=pulumi.ResourceOptions(parent=parent))
    source = chart.source
    release = Release(
        f"{name}-release",
        name=chart.name,
        namespace=namespace["metadata"]["name"],
        chart=source.chart,
        version=source.version,
        repository_opts=RepositoryOptsArgs(repo=source.repository) if source.repository else None,
        values=chart.values,
        timeout=INSTALL_SECONDS,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[place]),
    )
    DeploymentPatch(
        f"{name}-webhook-probe",
        metadata=webhook_probe["metadata"],
        spec=webhook_probe["spec"],
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[release],
            # It goes with its Deployment: taken away before, it would start the operator anew.
            retain_on_delete=True,
        ),
    )
