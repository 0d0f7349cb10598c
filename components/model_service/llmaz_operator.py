"""The llmaz operator, once for all models that have it for their backend."""

import pulumi
from pulumi_kubernetes.apps.v1 import DeploymentPatch
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from components.manifests.llmaz import release as manifests
from stacks.settings import StackSettings

INSTALL_SECONDS = 600
"""What the installation may take, with the pull of its images."""


class LlmazOperator(pulumi.ComponentResource):
    """llmaz by Helm in ``llmaz-system``, complete once its webhooks take a model's objects.

    Helm installs llmaz's resource definitions where the cluster has none, and leaves them when the
    release goes, so that a model's objects are never lost by accident.
    """

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:LlmazOperator", name, {}, opts)
        namespace = Namespace(
            f"{name}-namespace",
            metadata=manifests.namespace()["metadata"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        source = manifests.source(stack)
        release = Release(
            f"{name}-release",
            name=manifests.RELEASE,
            namespace=manifests.NAMESPACE,
            chart=source.chart,
            version=source.version,
            repository_opts=RepositoryOptsArgs(repo=source.repository) if source.repository else None,
            values=manifests.values(stack),
            timeout=INSTALL_SECONDS,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[namespace]),
        )
        probe = manifests.webhook_probe()
        DeploymentPatch(
            f"{name}-webhook-probe",
            metadata=probe["metadata"],
            spec=probe["spec"],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[release],
                # It goes with its Deployment: taken away before, it would start the operator anew.
                retain_on_delete=True,
            ),
        )
        self.register_outputs({})
