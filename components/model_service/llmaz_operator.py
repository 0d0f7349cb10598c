"""The llmaz operator, once for all models that have it for their backend."""

import pulumi

from components.manifests.llmaz import release as manifests
from components.model_service.operator_release import install
from stacks.settings import StackSettings


class LlmazOperator(pulumi.ComponentResource):
    """llmaz by Helm in ``llmaz-system``, complete once its webhooks take a model's objects.

    Helm installs llmaz's resource definitions where the cluster has none, and leaves them when the
    release goes, so that a model's objects are never lost by accident.
    """

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:LlmazOperator", name, {}, opts)
        install(self, name, manifests.release(stack), manifests.namespace(stack), manifests.webhook_probe())
        self.register_outputs({})
