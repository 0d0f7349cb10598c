"""The build of an image ends where its vLLM does not take what the settings make."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest

from serving import check


class Vllm(check.Vllm):
    """A vLLM that has but a few arguments."""

    def __init__(self) -> None:
        self._parser = ArgumentParser("vllm")
        self._parser.add_argument("words", nargs=2)
        for name in ("--host", "--port", "--shutdown-timeout", "--middleware"):
            self._parser.add_argument(name)
        self._command = SimpleNamespace(validate=self.validate)

    def validate(self, arguments: Namespace) -> None:
        if arguments.port == "8080":
            raise ValueError("that port is mine")

    def table(self) -> dict[str, object]:
        return {"version": "0.1.0"}


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(check, "TABLE", tmp_path / "table.json")
    monkeypatch.setattr(check, "Vllm", Vllm)
    return tmp_path / "table.json"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model": "m", "seed": 1, "port": 1}, "vllm: error: unrecognized arguments: --seed 1"),
        ({"model": "m", "port": 8080}, "that port is mine"),
    ],
)
def test_what_vllm_refuses_ends_the_build(
    table: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    values: dict[str, object],
    said: str,
) -> None:
    monkeypatch.setattr(check, "EVERYTHING", values)
    monkeypatch.setattr(check, "TURNED_OFF", {"model": "m", "port": 1})
    assert check.main() == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        "This vLLM does not take an argument that Modelyard's settings make: take the version that "
        "serving/Containerfile names."
    )
    assert lines[-1] == said


def test_what_vllm_takes_is_built(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVERYTHING", "TURNED_OFF"):
        monkeypatch.setattr(check, name, {"model": "m", "port": 1})
    assert check.main() == 0
    assert json.loads(table.read_text()) == {"version": "0.1.0"}
