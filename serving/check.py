"""Asks vLLM's own parser, when an image is built: does it take every argument that the settings can make?

``python -m serving.check`` runs in the Python that has vLLM. It writes the table of this vLLM's arguments beside the
package, by which the entrypoint names what is wrong without loading vLLM. It ends with code 1, and a sentence, where
vLLM does not take an argument.
"""

import contextlib
import io
import json
import sys
from argparse import Action, Namespace
from collections.abc import Iterator, Sequence
from typing import Any

from serving.argv import build_argv
from serving.settings import ServingSettings, of
from serving.supervisor import MIDDLEWARE
from serving.vllm_arguments import TABLE

EVERYTHING: dict[str, Any] = {
    "model": "m",
    "revision": "main",
    "served_names": ("m", "n"),
    "host": "127.0.0.1",
    "port": 8080,
    "runner": "pooling",
    "convert": "embed",
    "max_model_len": 8192,
    "dtype": "bfloat16",
    "quantization": "awq",
    "hf_overrides": {"architectures": ["X"]},
    "kv_cache_dtype": "fp8",
    "gpu_memory_utilization": 0.9,
    "kv_cache_memory_bytes": 2**34,
    "kv_offloading_size": 7.5,
    "cpu_offload_gb": 2.5,
    "tensor_parallel_size": 2,
    "pipeline_parallel_size": 2,
    "data_parallel_size": 2,
    "enable_expert_parallel": True,
    "nnodes": 2,
    "node_rank": 1,
    "master_addr": "10.0.0.1",
    "master_port": 29501,
    "headless": True,
    "api_server_count": 2,
    "max_num_seqs": 16,
    "max_num_batched_tokens": 512,
    "max_num_queued_reqs": 64,
    "enable_chunked_prefill": True,
    "enable_prefix_caching": True,
    "speculative_config": {"method": "ngram", "num_speculative_tokens": 3},
    "enforce_eager": True,
    "enable_sleep_mode": True,
    "trust_remote_code": True,
    "chat_template": "- {{ messages }}",
    "default_chat_template_kwargs": {"enable_thinking": False},
    "tool_call_parser": "hermes",
    "reasoning_parser": "qwen3",
    "limit_mm_per_prompt": {"image": 2},
    "allowed_media_domains": ("images.example.com", "n"),
    "seed": -1,
    "lora_modules": ({"name": "sql", "path": "/sql"},),
    "max_loras": 2,
    "max_lora_rank": 64,
    "max_cpu_loras": 2,
    "drain_seconds": 30,
}
"""A value for every field that becomes an argument."""
TURNED_OFF = {"model": "m", "enable_chunked_prefill": False, "enable_prefix_caching": False}
"""What has an argument to turn it off, too."""


def main() -> int:
    """Write the table, and say what vLLM does not take."""
    vllm = Vllm()
    TABLE.write_text(json.dumps(vllm.table(), indent=2) + "\n")
    refused = [sentence for values in (EVERYTHING, TURNED_OFF) for sentence in vllm.refused(of(values))]
    for sentence in refused:
        print(sentence, file=sys.stderr)  # noqa: T201 - the log of the build
    return 1 if refused else 0


class Vllm:
    """The ``vllm serve`` of the vLLM that this Python has."""

    def __init__(self) -> None:
        """Load its parser."""
        from vllm.platforms import current_platform

        # Where an image is built there is no GPU, and without one vLLM refuses to list its arguments.
        current_platform.device_type = current_platform.device_type or "cpu"
        from vllm.entrypoints.cli.serve import ServeSubcommand
        from vllm.utils.argparse_utils import FlexibleArgumentParser

        self._command = ServeSubcommand()
        self._parser = FlexibleArgumentParser()
        self._serve = self._command.subparser_init(self._parser.add_subparsers(dest="subparser"))

    def table(self) -> dict[str, Any]:
        """Its version, the names of its arguments with their fields, the only values of some, and its parsers."""
        import vllm
        from vllm.reasoning import ReasoningParserManager
        from vllm.tool_parsers import ToolParserManager

        actions: list[Action] = self._serve._actions
        return {
            # Builds for other accelerators call themselves 0.32.0+cpu and the like.
            "version": vllm.__version__.partition("+")[0],
            "arguments": dict(sorted((name, action.dest) for action in actions for name in action.option_strings)),
            "choices": {action.dest: list(map(str, action.choices or ())) for action in actions if _is_choice(action)},
            "parsers": {
                "tool_call_parser": sorted(ToolParserManager.list_registered()),
                "reasoning_parser": sorted(ReasoningParserManager.list_registered()),
            },
        }

    def parsed(self, argv: Sequence[str]) -> Namespace:
        """What it understands of a command line.

        Raises:
            SystemExit: for one that it does not take, once stderr says why.
            ValueError, TypeError: the same, said by these.
        """
        arguments: Namespace = self._parser.parse_args(list(argv))
        self._command.validate(arguments)
        return arguments

    def refused(self, settings: ServingSettings) -> Iterator[str]:
        """What it says of the command line of these settings that it does not take."""
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                self.parsed([*build_argv(settings), *MIDDLEWARE])
        except (SystemExit, ValueError, TypeError) as error:
            yield (
                "This vLLM does not take an argument that Modelyard's settings make: take the version that "
                f"serving/Containerfile names.\n{(said.getvalue() or str(error)).strip()}"
            )


def _is_choice(action: Action) -> bool:
    # Others change what they are given before they look whether it is among the choices.
    kept = action.type in (None, str, int) or getattr(action.type, "__name__", "") == "_optional_type"
    return bool(action.choices) and action.nargs is None and kept


if __name__ == "__main__":
    sys.exit(main())
