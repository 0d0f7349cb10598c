"""vLLM's own command line parser, asked over stdin: one question a line, one answer a line, in JSON.

A list is a command line, answered by what vLLM understood. The text ``arguments`` is answered by the
names of all arguments with their fields, and vLLM's version. The text ``parsers`` is answered by the
names of its parsers.
"""

import contextlib
import io
import json
import sys
from argparse import Namespace
from dataclasses import asdict, is_dataclass

import vllm
from vllm.entrypoints.cli.serve import ServeSubcommand
from vllm.reasoning import ReasoningParserManager
from vllm.tool_parsers import ToolParserManager
from vllm.utils.argparse_utils import FlexibleArgumentParser

COMMAND = ServeSubcommand()
PARSER = FlexibleArgumentParser()
SERVE = COMMAND.subparser_init(PARSER.add_subparsers(dest="subparser"))


def plain(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else None


def understood(arguments: Namespace) -> dict[str, object]:
    found: dict[str, object] = json.loads(json.dumps(vars(arguments), default=plain))
    return found


def read(line: list[str]) -> dict[str, object]:
    refused = io.StringIO()
    try:
        with contextlib.redirect_stderr(refused):
            arguments = PARSER.parse_args(line)
        COMMAND.validate(arguments)
    except (SystemExit, ValueError, TypeError) as error:
        return {"error": refused.getvalue() or str(error)}
    return {"arguments": understood(arguments)}


def answer(question: str | list[str]) -> dict[str, object]:
    if question == "arguments":
        named = {name: action.dest for action in SERVE._actions for name in action.option_strings}
        return {"version": vllm.__version__, "arguments": named}
    if question == "parsers":
        return {
            "tool_call_parser": list(ToolParserManager.list_registered()),
            "reasoning_parser": list(ReasoningParserManager.list_registered()),
        }
    assert isinstance(question, list), f"{question!r} is no question"
    return read(question)


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()
