"""vLLM's own parser in a process of the Python that has it, for all who ask it: importing vLLM takes its time."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.paths import Paths

Ask = Callable[[str | list[str]], dict[str, Any]]
"""Asks a question of ``vllm_parser.py`` and gives its answer."""


@contextmanager
def vllm_parser() -> Iterator[Ask]:
    """The process, while it is needed."""
    python = Paths.from_environment().vllm / "bin" / "python"
    assert python.exists(), f"there is no {python}: run `make setup`"
    script = str(Path(__file__).with_name("vllm_parser.py"))
    process = subprocess.Popen([str(python), script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(question: str | list[str]) -> dict[str, Any]:
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
