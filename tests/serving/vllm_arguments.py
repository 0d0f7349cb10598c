"""Writes the table of vLLM's arguments anew: ``python -m tests.serving.vllm_arguments``."""

import json

from serving.vllm_arguments import TABLE
from tests.serving.vllm_process import vllm_parser


def main() -> None:
    with vllm_parser() as ask:
        found, parsers = ask("arguments"), ask("parsers")
    table = {
        # The CPU build calls itself 0.32.0+cpu.
        "version": found["version"].partition("+")[0],
        "arguments": dict(sorted(found["arguments"].items())),
        "parsers": {field: sorted(names) for field, names in parsers.items()},
    }
    TABLE.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
