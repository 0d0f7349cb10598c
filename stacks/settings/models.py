"""Models, and the container that they run in."""

from typing import Annotated, Literal

from pydantic import Field

from stacks.settings.base import AbsolutePath, Cpu, EnvName, Form, Name, Quantity, Settings

TERMINATION_MARGIN_SECONDS = 30
"""What a pod gets, after its requests were drained, to end by itself before it is killed."""

Source = Annotated[
    str,
    Form(
        r"^(hf://[\w.-]+/[\w.-]+|file:///.+|pvc://[a-z0-9.-]+(/.*)?)$",
        "is no place that weights are read from: write hf://<organisation>/<repository>, "
        "file:///<path on the node> or pvc://<claim>/<path in it>",
    ),
]


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
    backend: Literal["native", "llmaz"] = "native"
    """What runs the replicas. ``native``: a StatefulSet, no operator. ``llmaz``: the operator of that name,
    which has had no commit since October 2025, so take it only where its objects are wanted."""
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
    host_path: AbsolutePath
    """Absolute path on the node."""
    mount_path: AbsolutePath
    """Absolute path in the container."""


class ServingSettings(Settings):
    """The container that every model runs in."""

    image: str = Field(default="docker.io/vllm/vllm-openai:v0.32.0", min_length=1)
    """Image with vLLM."""
    entrypoint: Literal["vllm", "modelyard"] = "vllm"
    """What the container runs: ``vllm serve``, or Modelyard's ``serving`` package, for an image that
    ``serving/Containerfile`` has made."""
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """When the node pulls the image."""
    python: str = "python3"
    """The Python that has vLLM, in the container."""
    host_paths: tuple[HostPathMount, ...] = ()
    """Folders of the node to mount, read-only."""
    runtime_class: str | None = None
    """The pods' RuntimeClass, such as ``nvidia``."""
