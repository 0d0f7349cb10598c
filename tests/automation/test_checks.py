"""Which cluster a stack's checks ask: the one that the caller's environment names."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stacks import automation
from stacks.automation import running
from tests.gateway.harness import stack

SETTINGS = stack(["first", "second"], [{"model": "first", "fallback": ["second"]}, {"model": "second"}])
REFUSES = '#!/bin/sh\necho "$KUBECONFIG" >> "$ASKED"\necho "dial tcp: connection refused" >&2\nexit 1\n'


@pytest.mark.parametrize(
    "look",
    [
        lambda options: automation.verify("dev", options=options),
        lambda options: automation.drill("dev", options=options),
        lambda options: automation.measure("dev", "first", options=options),
    ],
    ids=["verify", "drill", "measure"],
)
def test_the_cluster_of_the_options_is_asked(
    look: Callable[[automation.Options], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "kubectl"
    program.write_text(REFUSES)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", "/own")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    up = running.Running(SETTINGS, {"base_url": "http://gateway.default.svc/v1"})
    monkeypatch.setattr(running, "running", lambda *_: up)
    # A verification tells in its report that the gateway was not reached.
    with suppress(automation.AutomationError):
        look(automation.Options(environment={"KUBECONFIG": "/theirs"}))
    assert set((tmp_path / "asked").read_text().splitlines()) == {"/theirs"}
