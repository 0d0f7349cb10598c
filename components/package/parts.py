"""Parts of a platform that are components of their own in the package."""

import pulumi

from components.gateway.contract import Gateway
from components.gateway.kinds import gateway_of
from components.gpu_node_pool.adapters import adapters
from components.kubernetes import provider_of
from components.model_service.contract import ModelService
from components.models import make_models
from stacks.settings import StackSettings
from stacks.warnings import warnings


class ModelPart(pulumi.ComponentResource):
    """One model with its node pool, and no gateway."""

    model: ModelService
    """The model service."""

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:ModelService", name, {}, opts)
        for warning in warnings(stack):
            pulumi.log.warn(warning, self)
        cluster = provider_of(self, f"{name}-cluster", stack.cluster)
        (self.model,) = make_models(name, stack, adapters(stack), self, cluster).values()
        self.register_outputs({"baseUrl": self.model.base_url})


class GatewayPart(pulumi.ComponentResource):
    """A gateway in front of models that somebody else runs."""

    gateway: Gateway
    """The gateway."""

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:Gateway", name, {}, opts)
        cluster = provider_of(self, f"{name}-cluster", stack.cluster)
        on_cluster = pulumi.ResourceOptions(parent=self, providers={"kubernetes": cluster})
        self.gateway = gateway_of(stack)(f"{name}-gateway", stack, on_cluster)
        self.register_outputs({"baseUrl": self.gateway.base_url})
