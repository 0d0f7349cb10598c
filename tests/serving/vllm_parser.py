"""vLLM's own command line parser: reads command lines from stdin and writes what it understood, one JSON a line."""

import contextlib
import io
import json
import sys
from argparse import Namespace

from vllm.entrypoints.cli.serve import ServeSubcommand
from vllm.utils.argparse_utils import FlexibleArgumentParser


def make_parser(command: ServeSubcommand) -> FlexibleArgumentParser:
    parser = FlexibleArgumentParser()
    command.subparser_init(parser.add_subparsers(dest="subparser"))
    return parser


def understood(arguments: Namespace) -> dict[str, object]:
    return {name: value for name, value in vars(arguments).items() if isinstance(value, str | int | float | list)}


def main() -> None:
    command = ServeSubcommand()
    parser = make_parser(command)
    for line in sys.stdin:
        refused = io.StringIO()
        try:
            with contextlib.redirect_stderr(refused):
                arguments = parser.parse_args(json.loads(line))
            command.validate(arguments)
            answer: dict[str, object] = {"arguments": understood(arguments)}
        except (SystemExit, ValueError, TypeError) as error:
            answer = {"error": refused.getvalue() or str(error)}
        print(json.dumps(answer), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()
