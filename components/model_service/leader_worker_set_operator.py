"""The LeaderWorkerSet operator, once for all models whose replicas span nodes."""

import pulumi

from components.manifests.helm import ChartRelease
from components.manifests.multi_node import release as manifests
from components.model_service.operator_release import install


class LeaderWorkerSetOperator(pulumi.ComponentResource):
    """LeaderWorkerSet by Helm in ``lws-system``, complete once its webhooks take a model's object.

    Helm installs its resource definition where the cluster has none, and leaves it when the release goes.
    """

    def __init__(self, name: str, chart: ChartRelease, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:LeaderWorkerSetOperator", name, {}, opts)
        install(self, name, chart, manifests.namespace(), manifests.webhook_probe())
        self.register_outputs({})
