"""The command line of a vLLM server."""

import re
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
    "max_model_len",
    "dtype",
    "quantization",
    "kv_cache_dtype",
    "gpu_memory_utilization",
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "max_num_seqs",
    "max_num_batched_tokens",
    "reasoning_parser",
    "seed",
)

_SECRET = re.compile(r"--([\w.-]*[-_.])?(key|keys|token|password|secret)")
_MASK = "***"


def build_argv(settings: ServingSettings) -> list[str]:
    """The arguments of the ``vllm`` command. What is not set is left to vLLM.

    ``--shutdown-timeout`` is the time that vLLM lets running requests finish in after SIGTERM.
    """
    return [
        "serve",
        settings.model,
        *_listed("--served-model-name", settings.served_names),
        *(word for field in _VALUES for word in _valued(flag(field), getattr(settings, field))),
        *_switches(settings),
        "--shutdown-timeout",
        str(settings.drain_seconds),
        *settings.extra_args,
    ]


def server_command(settings: ServingSettings, python: str | None = None) -> list[str]:
    """The server's whole command line.

    Args:
        settings: what it serves, and how.
        python: the interpreter that has vLLM. Default: this same one.
    """
    return [python or sys.executable, "-m", MODULE, *build_argv(settings)]


def masked(argv: Sequence[str]) -> list[str]:
    """The command line with the values of secret arguments, such as ``--api-key``, replaced by ``***``."""
    shown: list[str] = []
    hiding = False
    for word in argv:
        name, equals, _ = word.partition("=")
        if word.startswith("--"):
            secret = _SECRET.fullmatch(name) is not None
            hiding = secret and not equals
            shown.append(f"{name}={_MASK}" if secret and equals else word)
        else:
            # Such an argument may take several values: all of them up to the next one are hidden.
            shown.append(_MASK if hiding else word)
    return shown


def _switches(settings: ServingSettings) -> Iterator[str]:
    if settings.enable_prefix_caching is not None:
        yield "--enable-prefix-caching" if settings.enable_prefix_caching else "--no-enable-prefix-caching"
    if settings.enforce_eager:
        yield "--enforce-eager"
    if settings.trust_remote_code:
        yield "--trust-remote-code"
    if settings.tool_call_parser is not None:
        yield from ("--enable-auto-tool-choice", "--tool-call-parser", settings.tool_call_parser)


def _valued(name: str, value: object) -> Iterator[str]:
    if value is not None:
        yield from (name, str(value))


def _listed(name: str, values: Sequence[str]) -> Iterator[str]:
    if values:
        yield from (name, *values)
