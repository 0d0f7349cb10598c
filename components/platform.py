"""The composition root: the only file that knows all the others."""

from collections.abc import Mapping

import pulumi

from components.adoption import Adoption
from components.gateway.contract import Gateway
from components.gateway.kinds import gateway_of
from components.gpu_node_pool.adapters import adapters
from components.kubernetes import provider_of
from components.model_service.contract import ModelService
from components.models import make_models
from stacks.fit.report import summary
from stacks.settings import StackSettings
from stacks.tuned import sentences, tuned
from stacks.warnings import warnings


class Platform(pulumi.ComponentResource):
    """A whole LLM serving platform on one cluster: node pools, model services, gateway.

    Models know nothing of each other, and the gateway waits for none of them, so a model that
    cannot start leaves everything else as it is. Only where the stack has its models updated one
    after the other does a model wait for those that stand in for it.
    """

    gateway: Gateway
    """The gateway."""
    models: Mapping[str, ModelService]
    """The model services by the models' names."""
    base_url: pulumi.Output[str]
    """URL that clients use, ending in ``/v1``."""

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        adoption = Adoption(stack)
        taking_over = pulumi.ResourceOptions(transformations=[adoption])
        super().__init__("modelyard:index:Platform", name, {}, pulumi.ResourceOptions.merge(opts, taking_over))
        for warning in warnings(stack):
            pulumi.log.warn(warning, self)
        if fits := summary(stack):
            pulumi.log.info(fits, self)
        for sentence in sentences(stack):
            pulumi.log.info(sentence, self)
        stack = tuned(stack)
        cluster = provider_of(self, f"{name}-cluster", stack.cluster)
        on_cluster = pulumi.ResourceOptions(parent=self, providers={"kubernetes": cluster})

        # First, for a package may be missing.
        made_by = adapters(stack)
        # Then this one, for it refuses a stack that is too large, and then nothing has been made yet.
        self.gateway = gateway_of(stack)(f"{name}-gateway", stack, on_cluster)
        self.models = make_models(name, stack, made_by, self, cluster)
        if stack.observability:
            # Here, for most stacks have none.
            from components.observability import Observability

            Observability(f"{name}-observability", stack, stack.observability, on_cluster)
        adoption.check()
        self.base_url = self.gateway.base_url
        self.register_outputs({"baseUrl": self.base_url})
