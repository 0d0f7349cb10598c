"""Settings of one vLLM server: environment variables ``MODELYARD_<FIELD>``, and flags that win over them.

The variable of a field is ``MODELYARD_`` and the field's name in capitals, its flag the
name with dashes: ``max_model_len`` is ``MODELYARD_MAX_MODEL_LEN`` and ``--max-model-len``.
Texts and numbers are written as they are, truth values as ``true`` or ``false``, lists and
mappings as JSON: ``["--max-logprobs", "5"]``. ``environment`` writes the variables for a manifest.

Fields are called as vLLM 0.32 calls its arguments. What each does, with unit and default, is
said where people set it: ``stacks/settings/engine.py``.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError
from typing_extensions import TypedDict

PREFIX = "MODELYARD_"
"""What the name of every variable begins with."""


class InvalidSettingsError(Exception):
    """Settings that no server can start with. Its text is one line a problem."""


class LoraModule(TypedDict):
    """An adapter that the server answers by."""

    name: str
    """What requests call it."""
    path: str
    """Folder with its weights, or their Hugging Face repository."""


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return None


def _texts(value: object) -> object:
    found = _decoded(value)
    if isinstance(found, list | tuple) and all(isinstance(item, str) for item in found):
        return found
    raise PydanticCustomError("json", "{like}", {"like": 'list of texts: write one like ["first", "second"]'})


def _numbers(value: object) -> object:
    found = _decoded(value)
    if isinstance(found, list | tuple) and all(type(item) is int and item > 0 for item in found):
        return found
    raise PydanticCustomError("json", "{like}", {"like": "list of whole numbers above 0: write one like [512, 8192]"})


def _object(value: object) -> object:
    found = _decoded(value)
    if isinstance(found, dict):
        return found
    raise PydanticCustomError("json", "{like}", {"like": 'object: write one like {"key": "value"}'})


def _modules(value: object) -> object:
    found = _decoded(value)
    names = set(LoraModule.__annotations__)
    if isinstance(found, list | tuple) and all(isinstance(item, dict) and set(item) == names for item in found):
        return found
    like = 'list of adapters: write one like [{"name": "sql", "path": "/adapters/sql"}]'
    raise PydanticCustomError("json", "{like}", {"like": like})


Text = Annotated[str, Field(min_length=1)]
TextList = Annotated[tuple[Text, ...], NoDecode, BeforeValidator(_texts)]
Numbers = Annotated[tuple[int, ...], NoDecode, BeforeValidator(_numbers)]
Object = Annotated[dict[str, Any], NoDecode, BeforeValidator(_object)]
LoraModules = Annotated[tuple[LoraModule, ...], NoDecode, BeforeValidator(_modules)]


class ServingSettings(BaseSettings):
    """What one vLLM server serves, and how. A field that is not set leaves the choice to vLLM."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        cli_exit_on_error=False,
        cli_prog_name="serving",
        use_attribute_docstrings=True,
    )

    model: Text
    """Folder with the weights, or their Hugging Face repository, such as ``Qwen/Qwen2.5-1.5B-Instruct``."""
    revision: Text | None = None
    """Commit, tag or branch of the repository."""
    served_names: TextList = ()
    """Names that the server answers to. Default: ``model``."""
    host: Text = "0.0.0.0"  # noqa: S104 - a pod is reached by its address
    """Address to listen on."""
    port: int = Field(default=8080, ge=1, le=65535)
    """Port to listen on."""
    runner: Literal["auto", "generate", "pooling"] | None = None
    """Whether the model writes text, or says something of texts."""
    convert: Literal["auto", "none", "embed", "classify"] | None = None
    """What a model that writes text is made to do instead."""
    max_model_len: int | None = Field(default=None, ge=1)
    """Longest context, in tokens, prompt and answer together."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] | None = None
    """Type of weights and activations."""
    quantization: Text | None = None
    """Quantization method of the weights."""
    hf_overrides: Object = {}
    """Values in place of those in the model's ``config.json``."""
    kv_cache_dtype: Text | None = None
    """Type of the KV cache."""
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    """Share of the GPU's memory that vLLM may take."""
    kv_cache_memory_bytes: int | None = Field(default=None, ge=1)
    """Size of the KV cache on each GPU, in bytes."""
    kv_offloading_size: float | None = Field(default=None, gt=0)
    """Memory of the pod, in GiB, that takes KV cache which the GPUs have no room for."""
    cpu_offload_gb: float | None = Field(default=None, gt=0)
    """Weights, in GiB for each GPU, that stay in the pod's memory."""
    tensor_parallel_size: int | None = Field(default=None, ge=1)
    """GPUs that share each layer."""
    pipeline_parallel_size: int | None = Field(default=None, ge=1)
    """GPUs, or groups of them, that share the layers one after the other."""
    data_parallel_size: int | None = Field(default=None, ge=1)
    """Copies of the engine behind the server's one port."""
    enable_expert_parallel: bool = False
    """Spread the experts of a layer over the GPUs whole, instead of a part of each to every GPU."""
    nnodes: int | None = Field(default=None, ge=1)
    """Nodes that the server spans, with a container on each."""
    node_rank: int | None = Field(default=None, ge=0)
    """Which of these nodes this one is. Requests go to the container on the first, 0."""
    master_addr: Text | None = None
    """Address of the first node's container."""
    master_port: int | None = Field(default=None, ge=1, le=65535)
    """Port on which the containers meet at the first node."""
    headless: bool = False
    """Answer no requests: for the nodes behind the first."""
    max_num_seqs: int | None = Field(default=None, ge=1)
    """Most sequences in one step."""
    max_num_batched_tokens: int | None = Field(default=None, ge=1)
    """Most tokens in one step."""
    max_num_queued_reqs: int | None = Field(default=None, ge=1)
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
    tool_call_parser: Text | None = None
    """Parser of tool calls. Setting it turns automatic tool choice on."""
    reasoning_parser: Text | None = None
    """Parser of reasoning."""
    limit_mm_per_prompt: Object = {}
    """Most images, videos and audio clips of one prompt."""
    seed: int | None = None
    """Seed of sampling."""
    lora_modules: LoraModules = ()
    """LoRA adapters. Setting them turns LoRA on."""
    max_loras: int | None = Field(default=None, ge=1)
    """Most adapters in one step."""
    max_lora_rank: int | None = Field(default=None, ge=1)
    """The highest rank of an adapter."""
    max_cpu_loras: int | None = Field(default=None, ge=1)
    """Most adapters in the pod's memory."""
    drain_seconds: int = Field(default=120, ge=0)
    """Longest time, after SIGTERM, that running requests get to finish. 0 aborts them at once."""
    handover_seconds: float = Field(default=3, ge=0)
    """How long, after SIGTERM, new requests are still taken: until the gateway knows. Part of ``drain_seconds``."""
    hung_seconds: float = Field(default=300, ge=0)
    """How long an engine that has requests may make no step before it counts as hung. 0: for ever."""
    warm_up_tokens: Numbers = ()
    """Lengths of prompts, in tokens, to ask with before the server is ready, beside a short one."""
    preflight: Literal["refuse", "warn"] = "refuse"
    """Whether the server starts although a check before its start failed."""
    gpu_model: Text | None = None
    """The GPU that is expected, by a part of its product name such as ``H200``. Default: any."""
    token_required: bool = False
    """Whether Hugging Face gives the weights only to who shows a token."""
    weights_gib: float | None = Field(default=None, gt=0)
    """Size of the weights, for the check of the disk that they are fetched to."""
    termination_log: Text = "/dev/termination-log"
    """Where the reason of the end is written, if there is such a file."""
    extra_args: TextList = ()
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


def load(arguments: Sequence[str]) -> ServingSettings:
    """Read the settings from flags and from this process's environment.

    Raises:
        InvalidSettingsError: with one line for every problem found. It quotes no value that may hold a secret.
    """
    problems = list(_unknown_variables())
    try:
        settings = ServingSettings(_cli_parse_args=list(arguments))
    except ValidationError as error:
        problems += [_sentence(detail, arguments) for detail in error.errors(include_url=False)]
    except SettingsError as error:
        problems += _flag_problems(str(error))
    if problems:
        raise InvalidSettingsError("\n".join(problems))
    return settings


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value)


def _unknown_variables() -> Iterator[str]:
    known = {variable(field) for field in ServingSettings.model_fields}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            yield f"{name}: there is no such setting, and nothing would read it: correct or remove it"


def _sentence(detail: ErrorDetails, arguments: Sequence[str]) -> str:
    field = str(detail["loc"][0])
    place = variable(field)
    if any(word.split("=")[0] == flag(field) for word in arguments):
        place = flag(field)
    if detail["type"] == "missing":
        return f"{place}: nothing is given, and there is no default: set it, or pass {flag(field)}"
    if detail["type"] == "json" or len(detail["loc"]) > 1:
        # What was given is not quoted: extra arguments may hold a key.
        like = detail["msg"] if detail["type"] == "json" else 'list of texts: write one like ["first", "second"]'
        return f"{place}: the value cannot be used, it is no JSON {like}"
    message = detail["msg"]
    return f"{place}: {detail['input']!r} cannot be used: {message[:1].lower()}{message[1:]}"


def _flag_problems(message: str) -> list[str]:
    if "unrecognized arguments" not in message:
        return [f"{message.removeprefix('error parsing CLI: argument ')}: write flags as --name=value"]
    flags = re.findall(r"(?<!\S)--[\w-]+", message)
    # Only names of flags are quoted: a word beside them may be a key.
    named = ", ".join(flags) or "a word that belongs to no flag"
    return [f"{named}: the server has no such setting: correct it, or put vLLM's own arguments into --extra-args"]
