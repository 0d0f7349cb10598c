"""The command line of a vLLM server."""

import json
import sys
from collections.abc import Iterator, Sequence

from serving.settings import ServingSettings, flag

MODULE = "vllm.entrypoints.cli.main"
"""What the ``vllm`` command runs. As a module it needs no script on PATH."""

# Fields whose argument has the field's name; the others are spelled out in `build_argv`.
_VALUES = (
    "revision",
    "host",
    "port",
    "runner",
    "convert",
    "max_model_len",
    "dtype",
    "quantization",
    "hf_overrides",
    "kv_cache_dtype",
    "gpu_memory_utilization",
    "kv_cache_memory_bytes",
    "kv_offloading_size",
    "cpu_offload_gb",
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "data_parallel_size",
    "api_server_count",
    "max_num_seqs",
    "max_num_batched_tokens",
    "max_num_queued_reqs",
    "speculative_config",
    "chat_template",
    "default_chat_template_kwargs",
    "reasoning_parser",
    "limit_mm_per_prompt",
    "seed",
    "max_loras",
    "max_lora_rank",
    "max_cpu_loras",
)
_NODES = ("nnodes", "node_rank", "master_addr", "master_port")
# Arguments that are turned on, and those that can be turned off too.
_ON = ("enable_expert_parallel", "enforce_eager", "enable_sleep_mode", "trust_remote_code")
_ON_OR_OFF = ("enable_chunked_prefill", "enable_prefix_caching")


def build_argv(settings: ServingSettings) -> list[str]:
    """The arguments of the ``vllm`` command. What is not set is left to vLLM.

    ``--shutdown-timeout`` is the time that vLLM lets running requests finish in after SIGTERM.
    """
    return [
        "serve",
        settings.model,
        *_listed("--served-model-name", settings.served_names),
        *_listed("--allowed-media-domains", settings.allowed_media_domains),
        *(word for field in _VALUES for word in _valued(flag(field), getattr(settings, field))),
        *_switches(settings),
        *node_arguments(settings),
        "--shutdown-timeout",
        str(settings.drain_seconds),
        *settings.extra_args,
    ]


def node_arguments(settings: ServingSettings) -> list[str]:
    """Those of the arguments that say which of a server's nodes this one is."""
    numbers = [word for field in _NODES for word in _valued(flag(field), getattr(settings, field))]
    return [*numbers, "--headless"] if settings.headless else numbers


def server_command(settings: ServingSettings, python: str | None = None) -> list[str]:
    """The server's whole command line.

    Args:
        settings: what it serves, and how.
        python: the interpreter that has vLLM. Default: this same one.
    """
    return [python or sys.executable, "-m", MODULE, *build_argv(settings)]


def _switches(settings: ServingSettings) -> Iterator[str]:
    for field in _ON_OR_OFF:
        wanted = getattr(settings, field)
        if wanted is not None:
            yield flag(field if wanted else f"no_{field}")
    yield from (flag(field) for field in _ON if getattr(settings, field))
    if settings.tool_call_parser is not None:
        yield from ("--enable-auto-tool-choice", "--tool-call-parser", settings.tool_call_parser)
    if settings.lora_modules:
        yield "--enable-lora"
        yield from _listed("--lora-modules", [json.dumps(module) for module in settings.lora_modules])


def _valued(name: str, value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (name, json.dumps(value)) if value else ()
    elif value is not None:
        word = str(value)
        # As a word of its own it would be read as the name of an argument.
        yield from (f"{name}={word}",) if word.startswith("-") else (name, word)


def _listed(name: str, values: Sequence[str]) -> Iterator[str]:
    if values:
        yield from (name, *values)
