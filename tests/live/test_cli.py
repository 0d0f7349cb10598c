"""The command modelyard on the embedded cluster."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from local.kubectl import kubectl
from local.paths import CHECKOUT, Paths
from local.waiting import wait_for
from tests.live.conftest import await_rollout

pytestmark = pytest.mark.live

STARTS = {"starting", "loading", "compiling", "warming"}


def modelyard(*arguments: str, code: int = 0) -> str:
    """What the command prints, with no terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "stacks.cli", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "MODELYARD_STACK": "local"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    return done.stdout


def status() -> dict[str, Any]:
    """What the command says of the stack, ready or not."""
    done = subprocess.run(
        [sys.executable, "-m", "stacks.cli", "status", "--stack=local", "--json"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["ready"] else 1)
    return found


def test_a_stack_that_is_up(stack: Paths) -> None:
    assert re.search(r"^qwen2-1-5b +1/1 +\d+ +ready$", modelyard("status"), re.MULTILINE)
    assert modelyard("models").splitlines()[1].split()[0] == "qwen2-1-5b"
    assert json.loads(modelyard("doctor", "--json"))["healthy"]
    assert modelyard("preview", "--expect-no-changes").endswith("Nothing would change.\n")


def test_a_chat_and_the_logs_of_it(stack: Paths) -> None:
    answer = json.loads(modelyard("chat", "qwen2-1-5b", "Name a colour.", "--max-tokens", "8", "--json"))
    assert answer["text"].strip()
    assert (answer["served_by"], answer["fallback_from"]) == ("qwen2-1-5b", None)
    assert 0 < answer["usage"]["completion_tokens"] <= 8
    assert modelyard("chat", "gemma-2-2b", "Name a colour.", "--max-tokens", "8", "--port-forward").strip()
    assert "modelyard: ready after" in modelyard("logs", "qwen2-1-5b")
    assert modelyard("chat", "no-such-model", "Hello", code=9) == ""


def test_a_model_that_starts_says_how_far_it_is(stack: Paths) -> None:
    kubectl(stack, "delete", "pod", "gemma-2-2b-0", "--force", "--grace-period=0")
    seen: set[str] = set()

    def back() -> bool | None:
        (model,) = (each for each in status()["models"] if each["name"] == "gemma-2-2b")
        seen.update(pod["stage"] for pod in model["pods"])
        return True if model["is_ready"] and seen & STARTS else None

    wait_for(back, "gemma-2-2b to be back", seconds=600, every=1)
    assert seen <= STARTS | {"scheduling", "pulling", "preparing", "stopping", "ready"}


def test_an_update_shows_its_components_and_what_models_do(stack: Paths) -> None:
    modelyard("destroy", "--yes")
    shown = modelyard("up", "--yes")
    try:
        lines = [re.sub(r"^ *(\d+m )?[\d.]+s  ", "", line) for line in shown.splitlines()]
        for component in ("gateway", "model qwen2-1-5b", "model gemma-2-2b"):
            assert any(line.startswith(f"{component}: done in ") for line in lines), shown
        assert any(re.match(r"model \S+: (starting|loading weights|compiling|warming up)", line) for line in lines), (
            shown
        )
        assert lines[-1] == "Clients use http://127.0.0.1:8080/v1"
    finally:
        for model in ("qwen2-1-5b", "gemma-2-2b"):
            await_rollout(stack, model)
