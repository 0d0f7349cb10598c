"""Settings of one vLLM server: environment variables ``MODELYARD_<FIELD>``, and flags that win over them.

The variable of a field is ``MODELYARD_`` and the field's name in capitals, its flag the
name with dashes: ``max_model_len`` is ``MODELYARD_MAX_MODEL_LEN`` and ``--max-model-len``.
Texts and numbers are written as they are, truth values as ``true`` or ``false``, lists as
JSON: ``["--swap-space", "4"]``. ``environment`` writes the variables for a manifest.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

PREFIX = "MODELYARD_"
"""What the name of every variable begins with."""


class InvalidSettingsError(Exception):
    """Settings that no server can start with. Its text is one line a problem."""


def _from_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except json.JSONDecodeError:
        found = None
    if isinstance(found, list) and all(isinstance(item, str) for item in found):
        return found
    raise PydanticCustomError("json_list", "not a JSON list of strings")


Text = Annotated[str, Field(min_length=1)]
TextList = Annotated[tuple[Text, ...], NoDecode, BeforeValidator(_from_json)]


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
    max_model_len: int | None = Field(default=None, ge=1)
    """Longest context, in tokens, prompt and answer together."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] | None = None
    """Type of weights and activations."""
    quantization: Text | None = None
    """Quantization method of the weights."""
    kv_cache_dtype: Text | None = None
    """Type of the KV cache."""
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    """Share of the GPU's memory that vLLM may take."""
    tensor_parallel_size: int | None = Field(default=None, ge=1)
    """GPUs that share each layer."""
    pipeline_parallel_size: int | None = Field(default=None, ge=1)
    """GPUs, or groups of them, that share the layers one after the other."""
    max_num_seqs: int | None = Field(default=None, ge=1)
    """Most sequences in one step."""
    max_num_batched_tokens: int | None = Field(default=None, ge=1)
    """Most tokens in one step."""
    enable_prefix_caching: bool | None = None
    """Reuse the KV cache of equal prompt beginnings."""
    enforce_eager: bool = False
    """Skip compilation and CUDA graphs."""
    trust_remote_code: bool = False
    """Run Python code that comes with the weights."""
    tool_call_parser: Text | None = None
    """Parser of tool calls. Setting it turns automatic tool choice on."""
    reasoning_parser: Text | None = None
    """Parser of reasoning."""
    seed: int | None = None
    """Seed of sampling."""
    drain_seconds: int = Field(default=120, ge=0)
    """Longest time, after SIGTERM, that running requests get to finish. 0 aborts them at once."""
    extra_args: TextList = ()
    """Further arguments of ``vllm serve``. They come last, so they win over the fields above."""


def variable(field: str) -> str:
    """The environment variable of a field."""
    return f"{PREFIX}{field.upper()}"


def flag(field: str) -> str:
    """The flag of a field."""
    return f"--{field.replace('_', '-')}"


def environment(values: Mapping[str, object]) -> dict[str, str]:
    """The variables that give a server these values. None and empty lists are left out.

    Args:
        values: values by the field names of ``ServingSettings``.

    Raises:
        KeyError: for a name that is no field.
    """
    _check_fields(values)
    return {variable(name): _text(value) for name, value in values.items() if value not in (None, (), [])}


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
    if field in ("served_names", "extra_args"):
        # What was given is not quoted: extra arguments may hold a key.
        return f'{place}: the value cannot be used, it is no JSON list of texts: write one like ["first", "second"]'
    message = detail["msg"]
    return f"{place}: {detail['input']!r} cannot be used: {message[:1].lower()}{message[1:]}"


def _flag_problems(message: str) -> list[str]:
    if "unrecognized arguments" not in message:
        return [f"{message.removeprefix('error parsing CLI: argument ')}: write flags as --name=value"]
    flags = re.findall(r"(?<!\S)--[\w-]+", message)
    # Only names of flags are quoted: a word beside them may be a key.
    named = ", ".join(flags) or "a word that belongs to no flag"
    return [f"{named}: the server has no such setting: correct it, or put vLLM's own arguments into --extra-args"]
