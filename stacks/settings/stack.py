"""A whole stack."""

from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import Discriminator, SecretStr, Tag, model_validator
from pydantic_core import PydanticCustomError

from stacks.settings.base import Form, Settings
from stacks.settings.cluster import ClusterSettings
from stacks.settings.gateway import CommonGatewaySettings, EnvoyGatewaySettings
from stacks.settings.higress import HigressGatewaySettings
from stacks.settings.llmaz import LlmazSettings
from stacks.settings.models import ModelSettings
from stacks.settings.pools import GpuNodePoolSettings
from stacks.settings.routes import RouteSettings
from stacks.settings.serving import ServingSettings

TAG = "kind:"
"""What the places of problems say of the kind that was chosen, and no stack file."""


def _gateway_kind(value: Any) -> str:
    kind = value.get("kind", "envoy") if isinstance(value, dict) else getattr(value, "kind", "envoy")
    return f"{TAG}{kind}"


GatewaySettings = Annotated[
    Annotated[EnvoyGatewaySettings, Tag(f"{TAG}envoy")] | Annotated[HigressGatewaySettings, Tag(f"{TAG}higress")],
    Discriminator(
        _gateway_kind,
        custom_error_type="gateway_kind",
        custom_error_message="no such kind",
    ),
]
"""A gateway of any kind. Where a stack names none, it is ``envoy``."""

GATEWAY_KINDS: dict[str, type[CommonGatewaySettings]] = {
    "envoy": EnvoyGatewaySettings,
    "higress": HigressGatewaySettings,
}
"""The kinds of gateways, and what can be said of each."""

Mirror = Annotated[
    str,
    Form(
        r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$",
        "is no registry with a folder in it, since images are named by it: write it without a scheme, capitals and a "
        "slash at the end, such as registry.example.com/mirror",
    ),
]
"""A registry, or a folder in one."""


class StackSettings(Settings):
    """A whole stack: the keys ``modelyard:...`` of its stack file."""

    cluster: ClusterSettings = ClusterSettings()
    """The cluster that the stack is put on."""
    pools: tuple[GpuNodePoolSettings, ...] = ()
    """GPU node pools."""
    serving: ServingSettings = ServingSettings()
    """The container that every model runs in."""
    models: tuple[ModelSettings, ...] = ()
    """Models."""
    llmaz: LlmazSettings = LlmazSettings()
    """The llmaz operator, for models whose ``backend`` is ``llmaz``."""
    gateway: GatewaySettings = EnvoyGatewaySettings()
    """The gateway in front of the models."""
    routes: tuple[RouteSettings, ...] = ()
    """Routes, one a name that clients may ask for. Default: one a model, with no fallback."""
    hugging_face_token: SecretStr | None = None
    """Token for gated ``hf://`` sources. Set it with ``pulumi config set --secret``."""
    image_mirror: Mirror | None = None
    """Registry, with a folder in it if need be, from which charts, images and plugins come instead of their own."""

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        from stacks.rules import problems

        found = problems(self)
        if found:
            raise PydanticCustomError("stack_rules", "{problems}", {"problems": "\n".join(found)})
        return self

    @property
    def envoy(self) -> EnvoyGatewaySettings:
        """The gateway's settings, where it is of that kind."""
        if not isinstance(self.gateway, EnvoyGatewaySettings):
            raise TypeError("the gateway is of another kind")
        return self.gateway

    @property
    def higress(self) -> HigressGatewaySettings:
        """The gateway's settings, where it is of that kind."""
        if not isinstance(self.gateway, HigressGatewaySettings):
            raise TypeError("the gateway is of another kind")
        return self.gateway

    @cached_property
    def all_routes(self) -> tuple[RouteSettings, ...]:
        """The routes, spelled out: one for every model where the stack names none."""
        return self.routes or tuple(RouteSettings(model=model.name) for model in self.models)

    def model(self, name: str) -> ModelSettings:
        """The model of that name."""
        return self._models[name]

    def routes_to(self, model: ModelSettings) -> list[RouteSettings]:
        """The routes by which a request may reach a model."""
        return self._routes_to.get(model.name, [])

    @cached_property
    def _models(self) -> dict[str, ModelSettings]:
        return {model.name: model for model in self.models}

    @cached_property
    def _routes_to(self) -> dict[str, list[RouteSettings]]:
        found: dict[str, list[RouteSettings]] = {}
        for route in self.all_routes:
            for name in dict.fromkeys(route.reached):
                found.setdefault(name, []).append(route)
        return found
