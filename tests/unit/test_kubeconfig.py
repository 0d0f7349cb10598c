"""What is said of a kubeconfig that is not there."""

from pathlib import Path
from typing import Any

import pytest

from stacks.kubeconfig import Missing, missing
from stacks.settings import load


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with no kubeconfig in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def found(**cluster: Any) -> Missing | None:
    return missing(load({"cluster": cluster}).cluster)


def test_a_path_of_the_stack_counts_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = home / "there"
    there.write_text("")
    monkeypatch.setenv("KUBECONFIG", str(there))
    assert found(kubeconfig=str(there)) is None
    assert found(kubeconfig="~/there") is None
    assert found(kubeconfig="/nowhere") == Missing(
        "modelyard:cluster.kubeconfig: there is no file /nowhere",
        "Write the path of one that is there, or remove the setting: then KUBECONFIG counts.",
    )
    embedded = found(kind="embedded", kubeconfig="/nowhere")
    assert embedded is not None
    assert embedded.remedy == "Run `make local-up`, which writes it."


def test_one_that_kubectl_would_take(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = found()
    assert nowhere is not None
    assert nowhere.seen == f"there is no file {home}/.kube/config"
    monkeypatch.setenv("KUBECONFIG", f"{home}/a:{home}/b")
    several = found()
    assert several is not None
    assert several.seen == f"there is no file {home}/a or {home}/b"
    (home / "b").write_text("")
    assert found() is None


def test_where_none_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(kubeconfigContents="apiVersion: v1") is None
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert found() is None
