"""The gateway in front of the models: what every kind has, and the kind made of stock Envoy."""

from typing import Annotated, Literal

from pydantic import Field

from stacks.settings.auth import GatewayAuthSettings
from stacks.settings.base import Cpu, Form, Int32, Name, Quantity, Replicas, Settings
from stacks.settings.serving import LabelKey

BaseUrl = Annotated[
    str,
    Form(
        r"^https?://.+/v1$",
        "is no URL that clients can put before /chat/completions: write one that begins with http:// or https:// and "
        "ends in /v1, such as https://llm.example.com/v1",
    ),
]
"""The URL of an API like OpenAI's."""
Cidr = Annotated[
    str,
    Form(
        r"^[0-9a-fA-F.:]+(/[0-9]{1,3})?$",
        "is no address and no range of them: write one such as 203.0.113.7 or 10.0.0.0/8",
    ),
]
"""An address, or a range of them such as ``10.0.0.0/8``."""


class CommonGatewaySettings(Settings):
    """What every kind of gateway has."""

    replicas: Replicas = Field(default=2, ge=1)
    """Number of gateway pods."""
    cpu: Cpu = "1"
    """CPU of one gateway pod."""
    memory: Quantity = "1Gi"
    """Memory of one gateway pod: count ten times the body limit for each large request in flight."""
    base_url: BaseUrl | None = None
    """URL that clients use, ending in ``/v1``. Default: what the gateway's Service and domain make of it."""
    body_limit_mib: int = Field(default=32, ge=1, le=1024)
    """Largest request body, in MiB."""
    drain_seconds: Int32 = Field(default=600, ge=5)
    """Longest time that running requests get when a gateway pod is told to stop."""
    auth: GatewayAuthSettings = GatewayAuthSettings()
    """Who may call the gateway."""
    network_policy: bool = True
    """Whether only the gateway, the models' own namespace and a Prometheus may reach models, and only the gateway
    Higress's console and Redis. It counts where the cluster's network enforces policies."""


class CollectorSettings(Settings):
    """The collector that a gateway sends its traces to."""

    service: str = Field(min_length=1)
    """Host of the collector, such as ``otel-collector.observability.svc.cluster.local``."""
    port: int = Field(ge=1, le=65535)
    """Port of the collector."""
    sampling_percent: float = Field(default=100, ge=0, le=100)
    """Share of the requests that are traced."""


class OpenTelemetrySettings(CollectorSettings):
    """A collector that takes OpenTelemetry's protocol by gRPC."""

    port: int = Field(default=4317, ge=1, le=65535)
    """Port of the collector, for gRPC."""


class AccessLogSettings(Settings):
    """What the gateway writes down of each request, besides who asked, who answered, and how long it took."""

    prompt_bytes: int = Field(default=0, ge=0, le=65_536)
    """Bytes of each request's body that go into the log, from its beginning. Whoever reads the log reads them. Default:
    none."""


class EnvoyGatewaySettings(CommonGatewaySettings):
    """A gateway of stock Envoy: a Deployment, configured by a ConfigMap."""

    kind: Literal["envoy"] = "envoy"
    """What implements the gateway."""
    name: Name = "gateway"
    """Name of the gateway's Deployment and Service."""
    image: str = "envoyproxy/envoy:v1.40.0"
    """Envoy's image, with bash in it for the draining of stopping pods, so no distroless one."""
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """When the node pulls the image."""
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """How the gateway is reached from outside the cluster."""
    node_port: int | None = Field(default=None, ge=30000, le=32767)
    """Port on every node, for service type NodePort."""
    service_annotations: dict[LabelKey, str] = {}
    """Annotations of the Service, by which clouds are told what load balancer to make, such as one with TLS."""
    source_ranges: tuple[Cidr, ...] = ()
    """Addresses that the load balancer lets in, for service type LoadBalancer. Default: all."""
    tracing: OpenTelemetrySettings | None = None
    """Where the gateway sends its traces. Default: it makes none, and passes a client's ``traceparent`` on."""
    access_log: AccessLogSettings = AccessLogSettings()
    """What the gateway logs of requests. Default: nothing of what was said."""
