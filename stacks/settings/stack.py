"""A whole stack."""

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import SecretStr, Tag, model_validator
from pydantic_core import PydanticCustomError

from stacks.settings.adoption import AdoptedSettings
from stacks.settings.base import Form, Settings
from stacks.settings.cluster import ClusterSettings
from stacks.settings.fit import FitSettings
from stacks.settings.gateway import CommonGatewaySettings, EnvoyGatewaySettings
from stacks.settings.gpu_software import GpuSoftwareSettings, NoGpuSoftwareSettings
from stacks.settings.higress import HigressGatewaySettings
from stacks.settings.kinds import TAG, by_kind
from stacks.settings.llmaz import LlmazSettings
from stacks.settings.models import ModelSettings
from stacks.settings.multi_node import LeaderWorkerSetSettings
from stacks.settings.observability import ObservabilitySettings
from stacks.settings.pools import GpuNodePoolSettings
from stacks.settings.prometheus import PrometheusSettings
from stacks.settings.promotions import PromotionSettings
from stacks.settings.routes import RouteSettings, UpstreamSettings
from stacks.settings.serving import ServingSettings
from stacks.settings.verify import VerifySettings

GATEWAY_KINDS: dict[str, type[CommonGatewaySettings]] = {
    "envoy": EnvoyGatewaySettings,
    "higress": HigressGatewaySettings,
}
"""The kinds of gateways, and what can be said of each."""

GatewaySettings = Annotated[
    Annotated[EnvoyGatewaySettings, Tag(f"{TAG}envoy")] | Annotated[HigressGatewaySettings, Tag(f"{TAG}higress")],
    by_kind("gateway", GATEWAY_KINDS, default="envoy"),
]
"""A gateway of any kind. Where a stack names none, it is ``envoy``."""

Mirror = Annotated[
    str,
    Form(
        r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$",
        "is no registry with a folder in it, since images are named by it: write it without a scheme, capitals and a "
        "slash at the end, such as registry.example.com/mirror",
    ),
]
"""A registry, or a folder in one."""

Extended = tuple[str, ...] | str
"""A base by its name, or several. What they say is laid under the stack before it is read."""


class StackSettings(Settings):
    """A whole stack: the keys ``modelyard:...`` of its stack file."""

    extends: Extended = ()
    """Bases that the stack is laid over, files of ``stacks/bases`` by their names. Each counts more than those ahead of
    it, and the stack itself most."""
    production: bool = False
    """Whether people depend on this stack. Everything that it runs must then be pinned, so that a restart brings
    back what was there before."""
    part: Literal["platform", "cluster"] = "platform"
    """``platform``: all that the settings say. ``cluster``: what stacks of models build upon, which name this one in
    ``cluster.stackReference``: node pools, GPU software and the definitions of the gateway, and neither models nor a
    gateway."""
    cluster: ClusterSettings = ClusterSettings()
    """The cluster that the stack is put on."""
    adopt: tuple[AdoptedSettings, ...] = ()
    """Objects and Helm releases that are in the cluster before, and that the stack takes over as they are. What it says
    of them counts once they are no longer named here."""
    pools: tuple[GpuNodePoolSettings, ...] = ()
    """GPU node pools."""
    gpu_software: GpuSoftwareSettings = NoGpuSoftwareSettings()
    """What makes the cluster offer NVIDIA's GPUs to pods. Default: it does so already."""
    serving: ServingSettings = ServingSettings()
    """The container that every model runs in."""
    models: tuple[ModelSettings, ...] = ()
    """Models."""
    model_updates: Literal["together", "apart"] = "together"
    """What an update of several models does. ``together``: all at the same time. ``apart``: a model waits until those
    that share a route with it, its fallbacks among them, are ready; the first update takes longer for it too."""
    fit: FitSettings = FitSettings()
    """The check whether models fit the GPUs of their pools."""
    llmaz: LlmazSettings = LlmazSettings()
    """The llmaz operator, for models whose ``backend`` is ``llmaz``."""
    leader_worker_set: LeaderWorkerSetSettings = LeaderWorkerSetSettings()
    """The LeaderWorkerSet operator, for native models whose replicas span nodes."""
    gateway: GatewaySettings = EnvoyGatewaySettings()
    """The gateway in front of the models."""
    prometheus: PrometheusSettings | None = None
    """The Prometheus that has the metrics of models and gateway, for models that KEDA scales."""
    observability: ObservabilitySettings | None = None
    """Monitors, alerts and dashboards, for a Prometheus operator and a Grafana. Default: none is made."""
    routes: tuple[RouteSettings, ...] = ()
    """Routes, one a name that clients may ask for. Default: one a model and adapter, with no fallback."""
    promotions: tuple[PromotionSettings, ...] = ()
    """Shares of routes that count in place of the ones above. ``promote`` and ``rollback`` of ``stacks.automation``
    pass them to an update; in a file, write the route's own ``upstreams`` instead."""
    verify: VerifySettings = VerifySettings()
    """What is asked of the gateway after each update."""
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
        """The routes, spelled out: one for every model and adapter where the stack names none."""
        return self.routes or tuple(
            RouteSettings(model=name, upstreams=upstreams)
            for model in self.models
            for name, upstreams in (
                (model.name, ()),
                *((name, (UpstreamSettings(model=model.name, adapter=name),)) for name in model.adapters),
            )
        )

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
