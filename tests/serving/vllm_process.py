"""vLLM's own parser in a process of the Python that has it, for all who ask it: importing vLLM takes its time."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.paths import Paths

ROOT = Path(__file__).resolve().parents[2]

Ask = Callable[[str | list[str]], dict[str, Any]]
"""Asks a question of ``vllm_parser.py`` and gives its answer."""


@contextmanager
def vllm_parser(*modules: Path) -> Iterator[Ask]:
    """The process, while it is needed.

    Args:
        modules: folders whose modules go before those of vLLM's environment.
    """
    python = Paths.from_environment().vllm / "bin" / "python"
    assert python.exists(), f"there is no {python}: run `make setup`"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*modules, ROOT)))}
    process = subprocess.Popen(
        [str(python), "-m", "tests.serving.vllm_parser"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

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
