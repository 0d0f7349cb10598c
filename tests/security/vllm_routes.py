"""All that vLLM's own server answers to, as JSON on stdout: pairs of method and path.

It runs in the Python that has vLLM, and turns on whatever adds routes.
"""

import json
import os
import sys

os.environ |= {"VLLM_SERVER_DEV_MODE": "1", "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}

from vllm.entrypoints.cli.serve import ServeSubcommand
from vllm.entrypoints.openai.api_server import build_app
from vllm.platforms import current_platform
from vllm.utils.argparse_utils import FlexibleArgumentParser

TASKS = (("generate", "transcription", "realtime", "render"), ("embed", "classify", "token_embed", "token_classify"))
"""What models are there for, so that together every task's routes are there."""


class Model:
    """A model whose every task has its routes."""

    def get_pooling_task(self, tasks: tuple[str, ...]) -> str | None:
        return "embed" if "embed" in tasks else None


def main() -> None:
    current_platform.device_type = current_platform.device_type or "cpu"
    parser = FlexibleArgumentParser()
    ServeSubcommand().subparser_init(parser.add_subparsers(dest="subparser"))
    switches = ["--enable-lora", "--enable-tokenizer-info-endpoint", "--enable-fault-tolerance"]
    arguments = parser.parse_args(["serve", "m", *switches])
    found = {
        (method, route.path)
        for tasks in TASKS
        for route in build_app(arguments, tasks, Model()).routes
        # Mounted applications and WebSockets name no method.
        for method in getattr(route, "methods", None) or ("GET", "POST")
    }
    print(json.dumps(sorted(found)), file=sys.__stdout__)


if __name__ == "__main__":
    main()
