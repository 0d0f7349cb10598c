"""vLLM's engine arguments, typed. Their names are those of vLLM 0.32."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from stacks.presets import PresetName
from stacks.settings.base import ArgumentValue, Form, Gpus, Int32, Settings
from stacks.settings.speculative import SpeculativeSettings

KvCacheDtype = Literal[
    "auto",
    "bfloat16",
    "float16",
    "fp8",
    "fp8_ds_mla",
    "fp8_e4m3",
    "fp8_e5m2",
    "fp8_inc",
    "fp8_per_token_head",
    "int4_per_token_head",
    "int8_per_token_head",
    "nvfp4",
    "nvfp4_4over6",
    "nvfp4_ds_mla",
    "turboquant_3bit_nc",
    "turboquant_4bit_nc",
    "turboquant_k3v4_nc",
    "turboquant_k8v4",
    "ultraquant_4bit",
]
"""The types of KV cache that vLLM 0.32 knows."""

ChatTemplate = Annotated[
    str,
    Form(
        r"^(/[^{}\n]*|(?=[^{]*[{])[^-/][\s\S]*)$",
        "is neither a path in the container nor a template in Jinja: write a path that begins with '/', or the "
        "template itself, which has a '{' in it and begins with neither '/' nor '-'",
    ),
]
"""A chat template in Jinja, or the absolute path of a file with one."""


MediaHost = Annotated[
    str,
    Form(
        r"^([*]|[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$",
        "is no host that vLLM compares with that of a URL: write a whole name in lower case without scheme, port and "
        "path, such as images.example.com, or '*' alone for every host",
    ),
]
"""A host's name as it stands in a URL, or ``*``. vLLM compares it whole: a parent domain does not stand for it."""


class EngineSettings(Settings):
    """vLLM's engine arguments that are set most. Everything else goes into ``extraArgs`` of the model."""

    preset: PresetName = "auto"
    """What fills in ``toolCallParser`` and ``reasoningParser`` where they are left out. ``auto``: the family that
    the source's repository is named after, if it is a known one. ``none``: nothing. A family's name: that one."""
    tuned: bool = True
    """Fill in what was measured to be faster on the pool's GPU, where nothing is said. The preview says what."""

    runner: Literal["auto", "generate", "pooling"] = "auto"
    """``generate``: the model writes text, also of speech that it hears. ``pooling``: it says something of texts:
    embeddings, scores, classes. Default: as its architecture says."""
    convert: Literal["auto", "none", "embed", "classify"] = "auto"
    """What a model that writes text is made to do instead. ``embed``: embeddings. ``classify``: classes, and the
    scores of a reranker. Default: as ``runner`` and architecture say."""

    max_model_len: Int32 | None = Field(default=None, ge=1)
    """Longest context, in tokens, prompt and answer together. Default: the model's own."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Type of weights and activations."""
    quantization: ArgumentValue | None = None
    """Quantization method of the weights, such as ``fp8`` or ``awq``. Default: as the weights say."""
    hf_overrides: dict[str, JsonValue] = {}
    """Values in place of those in the model's ``config.json``."""

    kv_cache_dtype: KvCacheDtype = "auto"
    """Type of the KV cache, such as ``fp8``. Default: that of the activations."""
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    """Share of the GPU's memory that vLLM may take. Default: vLLM's own, 0.92."""
    kv_cache_memory_bytes: int | None = Field(default=None, ge=1, le=2**50)
    """Size of the KV cache on each GPU, in bytes, in place of ``gpuMemoryUtilization``."""
    kv_offloading_size: float | None = Field(default=None, gt=0)
    """Memory of the pod, in GiB over all its GPUs, that takes KV cache which the GPUs have no room for. It comes
    out of ``memory``. Default: none."""
    cpu_offload_gb: float | None = Field(default=None, gt=0)
    """Weights, in GiB for each GPU, that stay in the pod's memory and come over at every step. They come out of
    ``memory``. Default: none."""

    tensor_parallel_size: Gpus | None = Field(default=None, ge=1)
    """GPUs that share each layer. Default: all of the replica's that the next two leave to it."""
    pipeline_parallel_size: Gpus = Field(default=1, ge=1)
    """GPUs, or groups of them, that share the layers one after the other."""
    data_parallel_size: Gpus = Field(default=1, ge=1)
    """Copies of the engine in one replica, which share its requests, and the experts with
    ``enableExpertParallel``. The three sizes multiplied are the replica's GPUs."""
    enable_expert_parallel: bool = False
    """Spread the experts of a mixture-of-experts layer over tensor and data parallel GPUs whole, instead of a part
    of each expert to every GPU."""

    api_server_count: int | None = Field(default=None, ge=1, le=1024)
    """Processes of a replica that take requests and write answers beside the engine, each of about 1 GiB of
    ``memory``. More of them pay where a small model answers hundreds at a time. Default: what was measured to be
    faster on the pool's GPU, see ``tuned``, or else vLLM's own, one for each copy of the engine."""
    max_num_seqs: Int32 | None = Field(default=None, ge=1)
    """Most sequences in one step. Default: vLLM's own, by GPU."""
    max_num_batched_tokens: Int32 | None = Field(default=None, ge=1)
    """Most tokens in one step. Default: vLLM's own, by GPU."""
    max_num_queued_reqs: Int32 | None = Field(default=None, ge=1)
    """Most requests of a replica, waiting and running. Further ones get status 503, on which a route's fallback
    answers at once. Default: no limit."""
    enable_chunked_prefill: bool | None = None
    """Take long prompts in pieces, beside the answers that are being written. Default: vLLM's own, on where the
    model can."""
    enable_prefix_caching: bool | None = None
    """Reuse the KV cache of equal prompt beginnings. Default: vLLM's own, on where the model can."""
    speculative_config: SpeculativeSettings | None = None
    """Speculative decoding. Default: none."""
    enforce_eager: bool = False
    """Skip compilation and CUDA graphs: a quicker start, slower steps."""
    enable_sleep_mode: bool = False
    """Let the engine give its GPU memory back when it is told to sleep. The paths that tell it so are open only
    with ``VLLM_SERVER_DEV_MODE=1`` in ``env``, together with others that let whoever reaches them run code."""

    trust_remote_code: bool = False
    """Run Python code that comes with the weights, with all that the pod may do. Pin ``revision`` with it."""
    chat_template: ChatTemplate | None = None
    """Chat template in Jinja, in place of the model's: its text, or the absolute path of a file in the container."""
    default_chat_template_kwargs: dict[str, JsonValue] = {}
    """Variables of the chat template for requests that set none, such as ``enable_thinking: false``."""
    tool_call_parser: ArgumentValue | None = None
    """Parser of tool calls, such as ``hermes``. Setting it turns automatic tool choice on. Default: the preset's."""
    reasoning_parser: ArgumentValue | None = None
    """Parser of reasoning, such as ``deepseek_r1``. Default: the preset's."""
    limit_mm_per_prompt: dict[Literal["image", "video", "audio"], Annotated[Int32, Field(ge=0)]] = {}
    """Most images, videos and audio clips of one prompt. Memory is set aside for as many, and 0 saves it. Default:
    vLLM's own."""
    allowed_media_domains: tuple[MediaHost, ...] = ()
    """Hosts that the images, videos and audio clips of a request may be fetched from, where it names them by URL. The
    pod does that, with all that it can reach. Redirects are not followed. ``*`` among them: every host, those inside
    the cluster included, and redirects. Default: none, so that requests carry their media in ``data:`` URLs."""
    seed: int | None = Field(default=None, le=2**32 - 1)
    """Seed of sampling. Default: vLLM's own, 0."""

    @property
    def fetches_media_from_anywhere(self) -> bool:
        """Whether a request may have media fetched from every host."""
        return "*" in self.allowed_media_domains

    @property
    def pools(self) -> bool:
        """Whether the model is told to say something of texts, and not to write any."""
        return self.runner == "pooling" or self.convert in ("embed", "classify")
