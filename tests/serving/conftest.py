import os
from collections.abc import Iterator

import pytest

from local.paths import Paths
from tests.serving.vllm_process import Ask, vllm_process

PARSER = "tests.serving.vllm_parser"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the machine sets reaches the tests."""
    for name in [name for name in os.environ if name.startswith("MODELYARD_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def ask() -> Iterator[Ask]:
    """Asks vLLM's parser, in one process for all tests."""
    with vllm_process(PARSER) as process:
        yield process


@pytest.fixture(scope="session")
def ask_previous() -> Iterator[Ask]:
    """Asks the parser of the version before: its own modules, with what the present one is installed with."""
    modules = Paths.from_environment().home / "previous-vllm"
    assert (modules / "vllm").exists(), f"there is no {modules}: run `make previous-vllm`"
    with vllm_process(PARSER, modules) as process:
        yield process
