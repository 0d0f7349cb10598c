"""A process of the Python that has vLLM, for all who ask it: importing vLLM takes its time."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.paths import Paths

ROOT = Path(__file__).resolve().parents[2]

Ask = Callable[[str | list[Any]], dict[str, Any]]
"""Asks the process a question and gives its answer."""


@contextmanager
def vllm_process(module: str, *folders: Path, variables: Mapping[str, str] | None = None) -> Iterator[Ask]:
    """The process, while it is needed.

    Args:
        module: what it runs: a module that calls ``answer_questions``.
        folders: folders whose modules go before those of vLLM's environment.
        variables: what its environment has besides that of this process.
    """
    python = Paths.from_environment().vllm / "bin" / "python"
    assert python.exists(), f"there is no {python}: run `make setup`"
    path = os.pathsep.join(map(str, (*folders, ROOT)))
    process = subprocess.Popen(
        [str(python), "-m", module],
        env={**os.environ, **(variables or {}), "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ask(question: str | list[Any]) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    with process:
        yield ask
        assert process.stdin is not None
        process.stdin.close()


def answer_questions(answer: Callable[[Any], Mapping[str, object]]) -> None:
    """Answer what is asked over stdin, in the process: a line of JSON each, until it is closed."""
    for line in sys.stdin:
        # What vLLM prints itself may go to another stdout.
        print(json.dumps(answer(json.loads(line))), file=sys.__stdout__, flush=True)
