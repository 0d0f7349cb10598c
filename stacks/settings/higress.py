"""The Higress gateway: its Helm chart, what runs beside it, and what its plugins do."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr

from stacks.settings.base import Cpu, Form, Int32, Name, Quantity, Replicas, Settings, refusal
from stacks.settings.chart import ChartSettings, ChartText
from stacks.settings.gateway import Cidr, CollectorSettings, CommonGatewaySettings
from stacks.settings.pools import Toleration

CHART_VERSION = "2.2.4"
"""The version of the chart that the program was built for."""

Domain = Annotated[
    str,
    Field(max_length=253),
    Form(
        r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "is no host name that certificates and name servers know: write one in lower case with a dot in it, without "
        "scheme, port or path, such as llm.example.com",
    ),
]
"""A host name with a dot in it."""
Digest = Annotated[
    str, Form(r"^sha256:[0-9a-f]{64}$", "is no digest of an image: write sha256: and the 64 digits behind it")
]
"""The digest of an image."""
PluginUrl = Annotated[
    str,
    Form(
        r"^(oci|https?|file)://.+$",
        "is no address that a plugin is loaded from: write one that begins with oci://, https://, http:// or file://",
    ),
]
"""Where a plugin is."""

PLUGIN_BODY_LIMIT_MIB = 100
"""Largest body that the plugins read which take the model's name out of it."""


def _plugins_can_read(mib: int) -> int:
    if mib <= PLUGIN_BODY_LIMIT_MIB:
        return mib
    raise refusal(
        f"is more than the plugins can read that take the model's name out of a request: write {PLUGIN_BODY_LIMIT_MIB} "
        "or less"
    )


PluginName = Literal[
    "ai-cache",
    "ai-data-masking",
    "ai-load-balancer",
    "ai-proxy",
    "ai-quota",
    "ai-security-guard",
    "ai-statistics",
    "ai-token-ratelimit",
    "cors",
    "ip-restriction",
    "jwt-auth",
    "key-auth",
    "model-mapper",
    "model-router",
]
"""The Wasm plugins that the program may put on the gateway."""


class HigressChartSettings(ChartSettings):
    """Where Higress's chart comes from."""

    version: ChartText = CHART_VERSION
    """The chart's version."""
    source: ChartText = "https://higress.io/helm-charts"
    """A chart repository (``https://...``), a chart in a registry (``oci://...``), or a folder or archive."""


class ChartServiceSettings(Settings):
    """The Service that clients reach the gateway by."""

    type: Literal["LoadBalancer", "NodePort", "ClusterIP"] = "LoadBalancer"
    """How it is reached from outside the cluster."""
    annotations: dict[str, str] = {}
    """Annotations, by which clouds are told what load balancer to make."""
    load_balancer_class: str | None = None
    """The load balancer's class."""
    source_ranges: tuple[Cidr, ...] = ()
    """Addresses that the load balancer lets in. Default: all."""
    external_traffic_policy: Literal["Cluster", "Local"] = "Cluster"
    """``Local`` keeps the clients' addresses, and balances between nodes that have a gateway pod only."""


class GatewayTlsSettings(Settings):
    """TLS of the gateway's domain."""

    secret_name: Name
    """Secret of type ``kubernetes.io/tls`` in the gateway's namespace."""


class GatewayAutoscalingSettings(Settings):
    """How many gateway pods there are, by their CPU."""

    min_replicas: Replicas = Field(default=2, ge=1)
    """Fewest pods."""
    max_replicas: Replicas = Field(ge=2)
    """Most pods."""
    target_cpu_percent: int = Field(default=70, ge=1, le=100)
    """CPU, in percent of what a pod asks for, to hold on average."""


class ControllerSettings(Settings):
    """Higress's control plane."""

    replicas: Replicas = Field(default=1, ge=1)
    """Number of pods."""
    cpu: Cpu = "500m"
    """CPU of the controller and of its pilot, each."""
    memory: Quantity = "2Gi"
    """Memory of the controller and of its pilot, each."""


class GatewayMetricsSettings(Settings):
    """A PodMonitor, by which a Prometheus operator scrapes the gateway's pods."""

    labels: dict[str, str] = {"release": "kube-prome"}
    """Labels by which the Prometheus finds it."""
    interval_seconds: Int32 = Field(default=30, ge=1)
    """Seconds between two scrapes."""


class TracingSettings(CollectorSettings):
    """Where the gateway sends its traces."""

    kind: Literal["opentelemetry", "zipkin", "skywalking"] = "opentelemetry"
    """What the collector speaks."""


class ConsoleSettings(Settings):
    """Higress's web console."""

    domain: Domain | None = None
    """Host name under which the gateway serves it. Default: it is reached by port forward only."""
    tls_secret_name: Name | None = None
    """Secret with the certificate of that domain."""
    annotations: dict[str, str] = {}
    """Annotations of its Ingress."""
    admin_user: str = Field(default="admin", min_length=1)
    """Name of the administrator."""
    admin_password: SecretStr | None = None
    """Password of the administrator. Set it with ``--secret``. Default: a random one, in ``console_password``."""


class DashboardSettings(Settings):
    """Prometheus, Grafana and Loki as the chart brings them, for looking at one cluster."""

    enabled: bool = False
    """Whether they are installed."""
    rwx_supported: bool = False
    """Whether the storage class can give a volume to several nodes at once."""
    storage_class: str | None = None
    """Storage class of their volumes. Default: the cluster's own."""


class RedisSettings(Settings):
    """A Redis for what gateway pods must agree on: limits, quotas, caches, load balancing."""

    host: Domain | None = None
    """Host name of yours. Default: one that the chart installs. It keeps nothing when it restarts and has no
    password: ``networkPolicy`` lets nobody but the gateway to it."""
    port: int = Field(default=6379, ge=1, le=65535)
    """Port of yours."""
    username: str = ""
    """User name of yours."""
    password: SecretStr | None = None
    """Password of yours. Set it with ``--secret``."""


class PluginSettings(Settings):
    """A Wasm plugin, where it isn't to be the one that the program was built for."""

    version: str | None = None
    """Tag of its image."""
    digest: Digest | None = None
    """Digest of its image. Tags can change: with a digest what runs is what was tried."""
    url: PluginUrl | None = None
    """Whole address, instead of the image of its name."""


class CorsSettings(Settings):
    """Which web pages may call the gateway from a browser."""

    origins: tuple[str, ...] = Field(min_length=1)
    """Their origins, such as ``https://chat.example.com`` or ``https://*.example.com``, or ``*`` for all."""
    headers: tuple[str, ...] = ("authorization", "content-type", "x-api-key")
    """Request headers that they may send."""
    max_age_seconds: Int32 = Field(default=86400, ge=1)
    """How long a browser may remember the permission."""


class IpRestrictionSettings(Settings):
    """Which addresses may call the gateway. One list of the two."""

    allow: tuple[Cidr, ...] = ()
    """Only these."""
    deny: tuple[Cidr, ...] = ()
    """All but these."""
    from_header: str | None = None
    """Header in which a load balancer ahead puts the client's address. Default: the connection's own."""


class MaskSettings(Settings):
    """A pattern, and what stands in its place."""

    pattern: str = Field(min_length=1)
    """Regular expression, or a grok pattern such as ``%{EMAILADDRESS}``."""
    replacement: str = "****"
    """What the model sees instead."""
    restore: bool = False
    """Whether the answer gets the hidden text back."""


class DataMaskingSettings(Settings):
    """What must not reach a model, or a client. Streams other than of chats are then held back until they end."""

    masks: tuple[MaskSettings, ...] = ()
    """Patterns to hide."""
    deny_words: tuple[str, ...] = ()
    """Words for which a request or an answer is refused. The gateway's log then holds the text, as a warning."""


class SecurityGuardSettings(Settings):
    """Alibaba Cloud's content moderation, asked before and after a model."""

    host: Domain
    """Host of the service, such as ``green-cip.cn-hangzhou.aliyuncs.com``."""
    access_key: SecretStr
    """Access key ID. Set it with ``--secret``."""
    secret_key: SecretStr
    """Access key secret. Set it with ``--secret``."""
    check_request: bool = True
    """Whether prompts are checked."""
    check_response: bool = False
    """Whether answers are checked. Streams are then held back."""


class HigressGatewaySettings(CommonGatewaySettings):
    """A gateway of Higress: its Helm release, and providers and routes as its console writes them."""

    kind: Literal["higress"]
    """What implements the gateway."""
    body_limit_mib: Annotated[
        int, Field(ge=1, json_schema_extra={"maximum": PLUGIN_BODY_LIMIT_MIB}), AfterValidator(_plugins_can_read)
    ] = 32
    """Largest request body, in MiB. The plugins that read the model's name take no more than 100."""
    namespace: Name = "higress-system"
    """Namespace of Higress. Its plugins and its console assume the default."""
    create_namespace: bool = True
    """Whether the program makes that namespace. It then goes with the stack, whatever is in it. Where it was true
    and becomes false, the next update deletes the namespace with all that it holds, unless the program has
    forgotten it before: ``pulumi state delete <urn>``."""
    chart: HigressChartSettings = HigressChartSettings()
    """The Helm chart."""
    values: dict[str, Any] = {}
    """Further values of the chart, laid over what the other settings make. They are no place for secrets."""
    manage_crds: bool = True
    """Whether the program installs Higress's custom resource definitions, and updates them with the chart."""
    domain: Annotated[Domain, Field(max_length=56)] | None = None
    """Host name of the endpoint. Default: the gateway answers whatever host is asked."""
    tls: GatewayTlsSettings | None = None
    """TLS for the domain."""
    service: ChartServiceSettings = ChartServiceSettings()
    """The Service that clients reach the gateway by."""
    host_network: bool = False
    """Whether the gateway's pods use their node's network, with ports 80 and 443."""
    node_selector: dict[str, str] = {}
    """Labels of the nodes that the gateway runs on."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints that those nodes may carry."""
    priority_class: str | None = None
    """PriorityClass of gateway and controller."""
    autoscaling: GatewayAutoscalingSettings | None = None
    """Number of gateway pods by load, instead of ``replicas``."""
    controller: ControllerSettings = ControllerSettings()
    """Higress's control plane."""
    ingress_class: str = "higress"
    """IngressClass of the routes."""
    create_ingress_class: bool = True
    """Whether the chart makes it."""
    log_level: Literal["trace", "debug", "info", "warning", "error"] = "warning"
    """What the gateway logs beside requests."""
    metrics: GatewayMetricsSettings | None = None
    """A PodMonitor for the gateway. Default: pods carry annotations for scraping only."""
    tracing: TracingSettings | None = None
    """Traces. Default: none."""
    dashboards: DashboardSettings = DashboardSettings()
    """Prometheus, Grafana and Loki of the chart."""
    console: ConsoleSettings = ConsoleSettings()
    """The web console."""
    redis: RedisSettings | None = None
    """A Redis, for the settings that need one."""
    plugins: dict[PluginName, PluginSettings] = {}
    """Wasm plugins that aren't to be those that the program was built for."""
    plugin_pull_secret: Name | None = None
    """Secret in the gateway's namespace with which plugins are pulled."""
    cors: CorsSettings | None = None
    """Web pages that may call the gateway. Default: none may."""
    ip_restriction: IpRestrictionSettings | None = None
    """Addresses that may call the gateway. Default: all may."""
    data_masking: DataMaskingSettings | None = None
    """What must not reach a model or a client."""
    security_guard: SecurityGuardSettings | None = None
    """Content moderation."""
