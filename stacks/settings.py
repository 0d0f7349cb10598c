"""Every setting of a stack: what a person may write, its unit, its default and its bounds.

A stack file (``stacks/Pulumi.<stack>.yaml``) is read once, here, into frozen models.
Nothing below this module re-checks a value or reads configuration again. Rules about one
value are types and bounds of its field; rules that join several values are in
``stacks/rules.py`` and run whenever a ``StackSettings`` is made.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

NAMESPACE = "modelyard"
"""The configuration namespace: a stack file writes ``modelyard:models``."""

EMBEDDED_KUBECONFIG = "/var/lib/modelyard/kubeconfig"
"""Where ``make local-up`` puts the embedded cluster's kubeconfig, where nothing says otherwise."""

TERMINATION_MARGIN_SECONDS = 30
"""What a pod gets, after its requests were drained, to end by itself before it is killed."""

NAME_LIMIT = 52
"""The longest name: a StatefulSet's revision label is the name and 11 characters more, 63 in all."""


class SettingsError(Exception):
    """A stack file that cannot work. Its text is one line a problem: path, what was given, why, what to write."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def _dns_label(value: str) -> str:
    # Services must begin with a letter (RFC 1035), so a model's name must too.
    if len(value) <= NAME_LIMIT and re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", value):
        return value
    raise PydanticCustomError(
        "dns_label",
        "{given} names Kubernetes objects and must be a DNS label: use lower-case letters, digits and '-', "
        "begin with a letter, and stay within {limit} characters",
        {"given": repr(value), "limit": NAME_LIMIT},
    )


_SOURCE = re.compile(r"hf://[\w.-]+/[\w.-]+|file:///.+|pvc://[a-z0-9.-]+(/.*)?")


def _source(value: str) -> str:
    if _SOURCE.fullmatch(value):
        return value
    raise PydanticCustomError(
        "model_source",
        "{given} is no place that weights are read from: write hf://<organisation>/<repository>, "
        "file:///<path on the node> or pvc://<claim>/<path in it>",
        {"given": repr(value)},
    )


Name = Annotated[str, AfterValidator(_dns_label)]
Source = Annotated[str, AfterValidator(_source)]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
"""A Kubernetes quantity, such as ``500m`` or ``16Gi``."""
Cpu = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")]
"""A number of CPUs, such as ``4``, ``0.5`` or ``500m``."""
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable."""


class Settings(BaseModel):
    """The base of every settings model: frozen, camelCase in YAML, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


class ClusterSettings(Settings):
    """The cluster that the stack is put on."""

    kind: Literal["embedded", "existing"] = "existing"
    """``embedded``: the single-node cluster of ``make local-up``. ``existing``: a kubeconfig context."""
    kubeconfig: str | None = None
    """Path of the kubeconfig. Default: the embedded cluster's own, or what kubectl would take."""
    context: str | None = None
    """Context in the kubeconfig. Default: its current one."""
    namespace: Name = "default"
    """Namespace of the models and of the embedded gateway. It must exist."""

    @property
    def kubeconfig_path(self) -> str | None:
        """Path of the kubeconfig, or None for the one that kubectl would take."""
        if self.kubeconfig is None and self.kind == "embedded":
            return EMBEDDED_KUBECONFIG
        return self.kubeconfig


class Toleration(Settings):
    """A Kubernetes toleration, as in a pod's ``spec.tolerations``."""

    key: str | None = None
    """The taint's key. None, with operator ``Exists``, tolerates every taint."""
    operator: Literal["Exists", "Equal"] = "Exists"
    """How the taint's value is compared."""
    value: str | None = None
    """The taint's value, for operator ``Equal``."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect. None tolerates all of them."""


class GpuNodePoolSettings(Settings):
    """A set of like nodes with GPUs."""

    name: Name
    """Name that models refer to in ``pool``."""
    adapter: Literal["existing"] = "existing"
    """Who makes the nodes. ``existing``: they are there, and are selected by label."""
    gpu_model: str | None = None
    """The GPU's product name, such as ``NVIDIA-L4``."""
    gpu_memory_gib: float | None = Field(default=None, gt=0)
    """Memory of one GPU, in GiB."""
    gpu_resource: str = "nvidia.com/gpu"
    """The extended resource under which nodes offer their GPUs."""
    gpus_per_node: int = Field(default=1, ge=1)
    """GPUs of one node."""
    min_nodes: int = Field(default=0, ge=0)
    """Fewest nodes of the pool."""
    max_nodes: int = Field(default=1, ge=1)
    """Most nodes of the pool."""
    node_selector: dict[str, str] = {}
    """Labels that the pool's nodes carry."""
    tolerations: tuple[Toleration, ...] = (Toleration(key="nvidia.com/gpu", effect="NoSchedule"),)
    """Taints that the pool's nodes may carry."""


class AutoscalingSettings(Settings):
    """How many replicas a model has, by its queue."""

    min_replicas: int = Field(default=1, ge=1)
    """Fewest replicas."""
    max_replicas: int = Field(ge=2)
    """Most replicas."""
    target_waiting_requests: int = Field(default=4, ge=1)
    """Requests waiting in one replica's queue (vLLM's ``vllm:num_requests_waiting``) to hold on average."""


class EngineSettings(Settings):
    """vLLM's engine arguments that are set most. Everything else goes into ``extraArgs`` of the model."""

    max_model_len: int | None = Field(default=None, ge=1)
    """Longest context, in tokens, prompt and answer together. Default: the model's own."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Type of weights and activations."""
    quantization: str | None = None
    """Quantization method of the weights, such as ``fp8`` or ``awq``. Default: as the weights say."""
    kv_cache_dtype: str = "auto"
    """Type of the KV cache, such as ``fp8``."""
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    """Share of the GPU's memory that vLLM may take. Default: vLLM's own."""
    tensor_parallel_size: int | None = Field(default=None, ge=1)
    """GPUs that share each layer. Default: all of the replica's GPUs."""
    pipeline_parallel_size: int = Field(default=1, ge=1)
    """GPUs, or groups of them, that share the layers one after the other."""
    max_num_seqs: int | None = Field(default=None, ge=1)
    """Most sequences in one step. Default: vLLM's own."""
    max_num_batched_tokens: int | None = Field(default=None, ge=1)
    """Most tokens in one step. Default: vLLM's own."""
    enable_prefix_caching: bool | None = None
    """Reuse the KV cache of equal prompt beginnings. Default: vLLM's own."""
    enforce_eager: bool = False
    """Skip compilation and CUDA graphs: a quicker start, slower steps."""
    trust_remote_code: bool = False
    """Run Python code that comes with the weights."""
    tool_call_parser: str | None = None
    """Parser of tool calls, such as ``hermes``. Setting it turns automatic tool choice on."""
    reasoning_parser: str | None = None
    """Parser of reasoning, such as ``deepseek_r1``."""
    seed: int | None = None
    """Seed of sampling. Default: vLLM's own."""


class ProbeSettings(Settings):
    """How long a replica may take to start and to stop."""

    startup_seconds: int = Field(default=1800, ge=10)
    """Longest time from the container's start to the first healthy answer."""
    drain_seconds: int = Field(default=120, ge=1)
    """Longest time that running generations get when the pod is told to stop."""

    @property
    def termination_grace_seconds(self) -> int:
        """Seconds from the order to stop until the pod is killed."""
        return self.drain_seconds + TERMINATION_MARGIN_SECONDS


class ModelSettings(Settings):
    """One model: where its weights are, what it runs on, how vLLM serves it."""

    name: Name
    """Name of the model and of its Services: ``<name>`` and ``<name>-lb``."""
    source: Source
    """Where the weights are: ``hf://``, ``file://`` or ``pvc://``."""
    revision: str | None = None
    """Commit, tag or branch of an ``hf://`` source. Default: the repository's main branch."""
    served_names: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Names that vLLM answers to. Default: the model's name."""
    backend: Literal["native"] = "native"
    """What runs the replicas. ``native``: a StatefulSet, no operator."""
    replicas: int | None = Field(default=None, ge=0)
    """Number of replicas. Default: 1, or what ``autoscaling`` says."""
    autoscaling: AutoscalingSettings | None = None
    """Number of replicas by load, instead of ``replicas``."""
    pool: Name
    """The node pool that the replicas run on."""
    gpus: int = Field(default=1, ge=1)
    """GPUs of one replica."""
    cpu: Cpu = "4"
    """CPU of one replica."""
    memory: Quantity = "16Gi"
    """Memory of one replica."""
    shared_memory: Quantity = "2Gi"
    """Size of ``/dev/shm``, taken from the memory above."""
    engine: EngineSettings = EngineSettings()
    """vLLM's engine arguments."""
    extra_args: tuple[str, ...] = ()
    """Further arguments of ``vllm serve``, as on its command line."""
    env: dict[EnvName, str] = {}
    """Environment of the container. Never a secret: it is plain in the manifest."""
    probes: ProbeSettings = ProbeSettings()
    """How long a replica may take to start and to stop."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that vLLM answers to, the first of them the one sent to it."""
        return self.served_names or (self.name,)

    @property
    def first_replicas(self) -> int | None:
        """Replicas to ask for, or None where an autoscaler owns the number."""
        if self.autoscaling:
            return None
        return 1 if self.replicas is None else self.replicas

    @property
    def most_replicas(self) -> int:
        """The most replicas that there can be at a time."""
        return self.autoscaling.max_replicas if self.autoscaling else self.first_replicas or 0


class HostPathMount(Settings):
    """A folder of the node that every model container sees, read-only."""

    name: Name
    """Name of the volume."""
    host_path: str = Field(pattern=r"^/")
    """Absolute path on the node."""
    mount_path: str = Field(pattern=r"^/")
    """Absolute path in the container."""


class ServingSettings(Settings):
    """The container that every model runs in."""

    image: str = ""
    """Image with vLLM and Modelyard's ``serving`` package, as ``serving/Containerfile`` makes it."""
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """When the node pulls the image."""
    python: str = "python3"
    """The Python that has vLLM, in the container."""
    host_paths: tuple[HostPathMount, ...] = ()
    """Folders of the node to mount, read-only."""
    runtime_class: str | None = None
    """The pods' RuntimeClass, such as ``nvidia``."""


class UpstreamSettings(Settings):
    """A model that a route sends requests to, and its share of them."""

    model: Name
    """Name of the model."""
    weight: int = Field(default=100, ge=0, le=100)
    """Share of the route's requests, in percent. A route's weights add up to 100."""


class TimeoutSettings(Settings):
    """How long a route waits, in seconds."""

    connect_seconds: float = Field(default=1.0, gt=0)
    """For a connection to a replica."""
    first_byte_seconds: float = Field(default=60.0, gt=0)
    """For the first byte of a streamed answer, from each model of the chain."""
    answer_seconds: float = Field(default=600.0, gt=0)
    """For an answer that is not streamed, from each model of the chain."""
    idle_seconds: float = Field(default=300.0, gt=0)
    """Between two events of a streamed answer."""


class RouteSettings(Settings):
    """What happens to requests that name a model."""

    model: str = Field(min_length=1, max_length=256)
    """The ``model`` of the request body that the route answers to."""
    upstreams: tuple[UpstreamSettings, ...] = ()
    """Models that share the requests. Default: the model of the route's name, with all of them."""
    fallback: tuple[Name, ...] = ()
    """Models to ask, in this order, when an upstream fails before its first byte."""
    timeouts: TimeoutSettings = TimeoutSettings()
    """How long the route waits."""
    consumers: tuple[Name, ...] | None = None
    """Consumers that may use the route. Default: all that the gateway knows."""

    @property
    def targets(self) -> tuple[UpstreamSettings, ...]:
        """The models that share the requests, spelled out."""
        return self.upstreams or (UpstreamSettings(model=self.model),)


class ConsumerSettings(Settings):
    """Somebody who calls the gateway, known by an API key."""

    name: Name
    """Name in logs, metrics and the routes' ``consumers``."""
    keys: tuple[SecretStr, ...] = Field(min_length=1)
    """API keys, sent as ``Authorization: Bearer <key>`` or ``x-api-key``. Set them with ``--secret``."""


class GatewayAuthSettings(Settings):
    """Who may call the gateway."""

    consumers: tuple[ConsumerSettings, ...] = ()
    """Everybody who may. With none, the gateway asks for no key."""


class GatewaySettings(Settings):
    """The gateway in front of the models."""

    kind: Literal["envoy"] = "envoy"
    """``envoy``: stock Envoy as a Deployment, configured by a ConfigMap."""
    name: Name = "gateway"
    """Name of the gateway's Deployment and Service."""
    image: str = "envoyproxy/envoy:v1.40.0"
    """Envoy's image, with bash in it for the draining of stopping pods, so no distroless one."""
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """When the node pulls the image."""
    replicas: int = Field(default=2, ge=1)
    """Number of gateway pods."""
    cpu: Cpu = "1"
    """CPU of one gateway pod."""
    memory: Quantity = "1Gi"
    """Memory of one gateway pod: count ten times the body limit for each large request in flight."""
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """How the gateway is reached from outside the cluster."""
    node_port: int | None = Field(default=None, ge=30000, le=32767)
    """Port on every node, for service type NodePort."""
    base_url: str | None = Field(default=None, pattern=r"^https?://.+/v1$")
    """URL that clients use, ending in ``/v1``. Default: the Service's cluster-internal one."""
    body_limit_mib: int = Field(default=32, ge=1, le=1024)
    """Largest request body, in MiB."""
    drain_seconds: int = Field(default=600, ge=5)
    """Longest time that running requests get when a gateway pod is told to stop."""
    auth: GatewayAuthSettings = GatewayAuthSettings()
    """Who may call the gateway."""


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
    gateway: GatewaySettings = GatewaySettings()
    """The gateway in front of the models."""
    routes: tuple[RouteSettings, ...] = ()
    """Routes, one a name that clients may ask for. Default: one a model, with no fallback."""
    hugging_face_token: SecretStr | None = None
    """Token for gated ``hf://`` sources. Set it with ``pulumi config set --secret``."""

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        from stacks.rules import problems

        found = problems(self)
        if found:
            raise PydanticCustomError("stack_rules", "{problems}", {"problems": "\n".join(found)})
        return self

    @property
    def all_routes(self) -> tuple[RouteSettings, ...]:
        """The routes, spelled out: one for every model where the stack names none."""
        return self.routes or tuple(RouteSettings(model=model.name) for model in self.models)

    def model(self, name: str) -> ModelSettings:
        """The model of that name."""
        return next(model for model in self.models if model.name == name)


def load(raw: Mapping[str, Any]) -> StackSettings:
    """Read a stack's settings from plain values, keyed as in the stack file without ``modelyard:``.

    Raises:
        SettingsError: with one line for every problem found.
    """
    try:
        return StackSettings.model_validate(dict(raw))
    except ValidationError as error:
        raise SettingsError([line for detail in error.errors() for line in _sentences(detail)]) from None


def yaml_path(location: tuple[int | str, ...]) -> str:
    """The place of a value in a stack file, such as ``modelyard:models[0].engine.dtype``."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in location)
    return f"{NAMESPACE}:{path.removeprefix('.')}"


def _key(text: str) -> str:
    return text if re.fullmatch(r"[\w./-]+", text) else repr(text)


def _sentences(detail: ErrorDetails) -> list[str]:
    if detail["type"] == "stack_rules":
        return detail["msg"].splitlines()
    path = yaml_path(detail["loc"])
    match detail["type"]:
        case "dns_label" | "model_source":
            return [f"{path}: {detail['msg']}"]
        case "missing":
            return [f"{path}: nothing is given, and there is no default: add it"]
        case "extra_forbidden":
            return [f"{path}: there is no such setting; stacks/schema.json lists them all: correct or remove it"]
        case _:
            return [f"{path}: {_given(detail)} cannot be used: {_lower_first(detail['msg'])}"]


SECRET_PLACES = frozenset({"auth", "hugging_face_token", "huggingFaceToken"})
"""Settings at and below which no value is quoted in a message."""


def _given(detail: ErrorDetails) -> str:
    """What a person wrote, for a message that may be printed: no secret, and no more than a line."""
    value = detail["input"]
    if SECRET_PLACES.intersection(detail["loc"]):
        return "what is given (not shown: it may be a secret)"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return repr(value)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
