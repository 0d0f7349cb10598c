"""vLLM's own command line parser, which answers questions in the Python that has vLLM.

A list is a command line, answered by what vLLM understood. The text ``table`` is answered by the table that
``serving.check`` would write, and ``version`` by vLLM's version alone.
"""

import contextlib
import io
import json
from argparse import Namespace
from dataclasses import asdict, is_dataclass

import vllm

from serving.check import Vllm
from tests.serving.vllm_process import answer_questions

VLLM = Vllm()


def plain(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else None


def understood(arguments: Namespace) -> dict[str, object]:
    found: dict[str, object] = json.loads(json.dumps(vars(arguments), default=plain))
    return found


def read(line: list[str]) -> dict[str, object]:
    refused = io.StringIO()
    try:
        with contextlib.redirect_stderr(refused):
            arguments = VLLM.parsed(line)
    except (SystemExit, ValueError, TypeError) as error:
        return {"error": refused.getvalue() or str(error)}
    return {"arguments": understood(arguments)}


def answer(question: str | list[str]) -> dict[str, object]:
    if question == "table":
        return VLLM.table()
    if question == "version":
        return {"version": vllm.__version__}
    assert isinstance(question, list), f"{question!r} is no question"
    return read(question)


if __name__ == "__main__":
    answer_questions(answer)
