"""Settings of one vLLM server: what they are called, in environment variables, in YAML and as flags.

The variable of a field is ``MODELYARD_`` and the field's name in capitals, its flag the
name with dashes: ``max_model_len`` is ``MODELYARD_MAX_MODEL_LEN`` and ``--max-model-len``.
Texts and numbers are written as they are, truth values as ``true`` or ``false``, lists and
mappings as JSON: ``["--max-logprobs", "5"]``. ``environment`` writes the variables for a manifest;
``serving/sources.py`` reads them all.

Fields are called as vLLM 0.32 calls its arguments. What each does, with unit and default, is
said where people set it: ``stacks/settings/engine.py``.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

from serving.values import (
    Count,
    LoraModules,
    Number,
    Numbers,
    Object,
    Port,
    Seed,
    Share,
    Size,
    Text,
    Texts,
    Value,
    Values,
    Whole,
)

PREFIX = "MODELYARD_"
"""What the name of every variable begins with."""


class ServingSettings(BaseSettings):
    """What one vLLM server serves, and how. A field that is not set leaves the choice to vLLM."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )

    model: Value
    """Folder with the weights, or their Hugging Face repository, such as ``Qwen/Qwen2.5-1.5B-Instruct``."""
    revision: Value | None = None
    """Commit, tag or branch of the repository."""
    served_names: Values = ()
    """Names that the server answers to. Default: ``model``."""
    host: Value = "0.0.0.0"  # noqa: S104 - a pod is reached by its address
    """Address to listen on."""
    port: Port = 8080
    """Port to listen on."""
    runner: Literal["auto", "generate", "pooling"] | None = None
    """Whether the model writes text, or says something of texts."""
    convert: Literal["auto", "none", "embed", "classify"] | None = None
    """What a model that writes text is made to do instead."""
    max_model_len: Count | None = None
    """Longest context, in tokens, prompt and answer together."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] | None = None
    """Type of weights and activations."""
    quantization: Value | None = None
    """Quantization method of the weights."""
    hf_overrides: Object = {}
    """Values in place of those in the model's ``config.json``."""
    kv_cache_dtype: Value | None = None
    """Type of the KV cache."""
    gpu_memory_utilization: Share | None = None
    """Share of the GPU's memory that vLLM may take."""
    kv_cache_memory_bytes: Count | None = None
    """Size of the KV cache on each GPU, in bytes."""
    kv_offloading_size: Size | None = None
    """Memory of the pod, in GiB, that takes KV cache which the GPUs have no room for."""
    cpu_offload_gb: Size | None = None
    """Weights, in GiB for each GPU, that stay in the pod's memory."""
    tensor_parallel_size: Count | None = None
    """GPUs that share each layer."""
    pipeline_parallel_size: Count | None = None
    """GPUs, or groups of them, that share the layers one after the other."""
    data_parallel_size: Count | None = None
    """Copies of the engine behind the server's one port."""
    enable_expert_parallel: bool = False
    """Spread the experts of a layer over the GPUs whole, instead of a part of each to every GPU."""
    nnodes: Count | None = None
    """Nodes that the server spans, with a container on each."""
    node_rank: Whole | None = None
    """Which of these nodes this one is. Requests go to the container on the first, 0."""
    master_addr: Value | None = None
    """Address of the first node's container."""
    master_port: Port | None = None
    """Port on which the containers meet at the first node."""
    headless: bool = False
    """Answer no requests: for the nodes behind the first."""
    api_server_count: Count | None = None
    """Processes that take requests and write answers, beside the engine."""
    max_num_seqs: Count | None = None
    """Most sequences in one step."""
    max_num_batched_tokens: Count | None = None
    """Most tokens in one step."""
    max_num_queued_reqs: Count | None = None
    """Most requests, waiting and running. Further ones are answered with 503."""
    enable_chunked_prefill: bool | None = None
    """Take long prompts in pieces."""
    enable_prefix_caching: bool | None = None
    """Reuse the KV cache of equal prompt beginnings."""
    speculative_config: Object = {}
    """Speculative decoding, with the keys of vLLM's ``SpeculativeConfig``."""
    enforce_eager: bool = False
    """Skip compilation and CUDA graphs."""
    enable_sleep_mode: bool = False
    """Let the engine give its GPU memory back when it is told to sleep."""
    trust_remote_code: bool = False
    """Run Python code that comes with the weights."""
    chat_template: Text | None = None
    """Chat template in Jinja, or the path of a file with one."""
    default_chat_template_kwargs: Object = {}
    """Variables of the chat template, for requests that set none."""
    tool_call_parser: Value | None = None
    """Parser of tool calls. Setting it turns automatic tool choice on."""
    reasoning_parser: Value | None = None
    """Parser of reasoning."""
    limit_mm_per_prompt: Object = {}
    """Most images, videos and audio clips of one prompt."""
    allowed_media_domains: Values = ()
    """Hosts that media of requests may be fetched from by URL. Default: any."""
    seed: Seed | None = None
    """Seed of sampling."""
    lora_modules: LoraModules = ()
    """LoRA adapters. Setting them turns LoRA on."""
    max_loras: Count | None = None
    """Most adapters in one step."""
    max_lora_rank: Count | None = None
    """The highest rank of an adapter."""
    max_cpu_loras: Count | None = None
    """Most adapters in the pod's memory."""
    drain_seconds: Whole = 120
    """Longest time, after SIGTERM, that running requests get to finish. 0 aborts them at once."""
    handover_seconds: Number = 3
    """How long, after SIGTERM, new requests are still taken: until the gateway knows. Part of ``drain_seconds``."""
    hung_seconds: Number = 300
    """How long an engine that has requests may make no step before it counts as hung. 0: for ever."""
    warm_up_tokens: Numbers = ()
    """Lengths of prompts, in tokens, to ask with before the server is ready, beside a short one."""
    preflight: Literal["refuse", "warn"] = "refuse"
    """Whether the server starts although a check before its start failed."""
    gpu_model: Text | None = None
    """The GPU that is expected, by a part of its product name such as ``H200``. Default: any."""
    token_required: bool = False
    """Whether Hugging Face gives the weights only to who shows a token."""
    weights_gib: Size | None = None
    """Size of the weights, for the check of the disk that they are fetched to."""
    weights_cache: Text | None = None
    """Folder of a volume into which the weights are fetched before vLLM starts. Default: vLLM fetches them itself."""
    weights_cache_gib: Size | None = None
    """What all models in that folder may have together, in GiB. Those that nobody serves make room, the one that was
    started longest ago first. Default: nothing is removed."""
    termination_log: Text = "/dev/termination-log"
    """Where the reason of the end is written, if there is such a file."""
    extra_args: Texts = ()
    """Further arguments of ``vllm serve``. They come last, so they win over the fields above."""


def variable(field: str) -> str:
    """The environment variable of a field."""
    return f"{PREFIX}{field.upper()}"


def flag(field: str) -> str:
    """The flag of a field."""
    return f"--{field.replace('_', '-')}"


def environment(values: Mapping[str, object]) -> dict[str, str]:
    """The variables that give a server these values. None, empty lists and empty mappings are left out.

    Args:
        values: values by the field names of ``ServingSettings``.

    Raises:
        KeyError: for a name that is no field.
    """
    _check_fields(values)
    return {variable(name): _text(value) for name, value in values.items() if value not in (None, (), [], {})}


def of(values: Mapping[str, Any]) -> ServingSettings:
    """The settings with these values, which are taken as they are, and nothing of this process's environment.

    Args:
        values: values by the field names of ``ServingSettings``.

    Raises:
        KeyError: for a name that is no field.
    """
    _check_fields(values)
    return ServingSettings.model_construct(**dict(values))


def _check_fields(values: Mapping[str, object]) -> None:
    unknown = sorted(set(values) - set(ServingSettings.model_fields))
    if unknown:
        raise KeyError(f"no fields of ServingSettings: {', '.join(unknown)}")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value)
