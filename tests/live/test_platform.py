"""The local stack on the embedded cluster: the reference experiment, and Pulumi's own diff on a real API server.

The tests stand in the order in which a person would try these things.
"""

import os
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import openai
import pytest

from local import experiment, pulumi_cli
from local import pulumi as pulumi_command
from local.experiment import Verdict
from local.kubectl import get, kubectl
from local.paths import CHECKOUT, Paths
from local.pulumi_cli import STACK
from local.stack import local_settings
from local.waiting import wait_for
from stacks.delivery import ANNOTATION
from tests.live.conftest import StackFile, await_rollout, identity, pod

pytestmark = [pytest.mark.live, pytest.mark.timeout(1200)]

UP = ("up", f"--stack={STACK}", "--yes", "--skip-preview", "--non-interactive")

GATEWAY = "app.kubernetes.io/component=gateway"
QWEN = "app.kubernetes.io/instance=qwen2-1-5b"
GEMMA = "app.kubernetes.io/instance=gemma-2-2b"


def up(paths: Paths, *arguments: str) -> str:
    """`pulumi up` of the local stack; what it printed."""
    done = pulumi_command.pulumi(paths, [*UP, *arguments], capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_scheduler_placed_the_models_on_the_simulated_gpus(stack: Paths) -> None:
    for name in ("qwen2-1-5b-0", "gemma-2-2b-0"):
        spec = pod(stack, name)["spec"]
        assert spec["nodeName"] == "modelyard-local"
        assert spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "nvidia.com/gpu     2 " in kubectl(stack, "describe", "node", "modelyard-local")


@pytest.mark.faults
def test_the_reference_experiment(stack: Paths, client: openai.OpenAI) -> None:
    verdicts: list[Verdict] = []

    def kill() -> list[str]:
        kubectl(stack, "delete", "pod", "qwen2-1-5b-0", "--force", "--grace-period=0")
        return ["qwen2-1-5b-0"]

    settings = local_settings()
    experiment.run(client, settings, settings.all_routes[0], kill=kill, observe=verdicts.append)
    assert [f"{verdict.what}: {verdict.seen}" for verdict in verdicts if not verdict.passed] == []
    assert len(verdicts) == 7


def test_a_second_up_and_a_refresh_change_nothing(stack: Paths) -> None:
    await_rollout(stack, "qwen2-1-5b")
    up(stack, "--expect-no-changes")
    command = ["refresh", f"--stack={STACK}", "--yes", "--skip-preview", "--expect-no-changes", "--non-interactive"]
    done = pulumi_command.pulumi(stack, command, capture=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_route_is_live_without_a_restart_and_without_a_failed_request(
    stack: Paths, client: openai.OpenAI, stack_file: StackFile
) -> None:
    def add_alias(config: dict[str, Any]) -> None:
        config["modelyard:routes"].append({"model": "assistant", "upstreams": [{"model": "gemma-2-2b"}]})

    gateway, models = identity(stack, GATEWAY), identity(stack, QWEN)
    stop, outcomes = threading.Event(), Counter[str]()

    def keep_asking() -> None:
        while not stop.is_set():
            try:
                outcomes[str(experiment.ask(client, "qwen2-1-5b", stream=True).served_by)] += 1
            except openai.OpenAIError as error:
                outcomes[repr(error)] += 1

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        printed = up(stack, f"--config-file={stack_file(add_alias)}")
        answer = wait_for(lambda: _answer(client, "assistant"), "the new route", seconds=120, every=0.2)
    finally:
        stop.set()
        asking.join()
    assert (answer.served_by, answer.fallback_from) == ("gemma-2-2b", None)
    assert set(outcomes) == {"qwen2-1-5b"}, outcomes
    assert "1 updated" in printed
    assert "gateway-routes" in printed
    assert (identity(stack, GATEWAY), identity(stack, QWEN)) == (gateway, models)
    assert _told(stack) == _routes_version(stack)
    up(stack)
    wait_for(lambda: _is_unknown(client, "assistant"), "the route to go", seconds=120, every=0.2)


def test_a_changed_engine_argument_rolls_only_that_model(stack: Paths, stack_file: StackFile) -> None:
    def shorten(config: dict[str, Any]) -> None:
        config["modelyard:models"][0]["engine"]["maxModelLen"] = 1024

    qwen, gemma, gateway = identity(stack, QWEN), identity(stack, GEMMA), identity(stack, GATEWAY)
    printed = up(stack, f"--config-file={stack_file(shorten)}")
    assert "1 updated" in printed
    assert "qwen2-1-5b" in printed
    await_rollout(stack, "qwen2-1-5b")
    assert identity(stack, QWEN) != qwen
    assert (identity(stack, GEMMA), identity(stack, GATEWAY)) == (gemma, gateway)
    up(stack)
    await_rollout(stack, "qwen2-1-5b")


@pytest.mark.faults
def test_a_third_model_stays_pending_and_an_up_that_was_killed_is_finished_by_the_next(
    stack: Paths, client: openai.OpenAI, stack_file: StackFile, tmp_path: Path
) -> None:
    def add_model(config: dict[str, Any]) -> None:
        config["modelyard:models"].append({**config["modelyard:models"][0], "name": "third", "servedNames": []})
        config["modelyard:routes"].append({"model": "third", "fallback": ["gemma-2-2b"]})

    log = tmp_path / "up.log"
    with log.open("w") as output:
        running = subprocess.Popen(
            [str(pulumi_cli.program(stack)), *UP, f"--config-file={stack_file(add_model)}"],
            cwd=CHECKOUT,
            env={**os.environ, **pulumi_cli.environment(stack)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        reason = wait_for(lambda: _unschedulable(stack, "third-0"), "the scheduler's event", seconds=120, every=0.5)
        # A model that waits for a GPU is a route that its fallback answers.
        answer = wait_for(lambda: _answer(client, "third"), "the third route", seconds=120, every=0.2)
        wait_for(lambda: "third-replicas creating" in log.read_text() or None, "pulumi to wait for it", seconds=60)
    finally:
        # Not a friendly stop: the lock and the operation under way stay behind.
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert "Insufficient nvidia.com/gpu" in reason
    assert any("third-0 is Pending: 0/1 nodes are available" in line for line in pulumi_command.unschedulable(stack))
    assert (answer.served_by, answer.fallback_from) == ("gemma-2-2b", "third")
    warning = "3 GPUs are asked for (qwen2-1-5b for 1 and gemma-2-2b for 1 and third for 1)"
    assert warning in log.read_text()
    pulumi_command.up(stack, ["--non-interactive"])
    assert get(stack, "statefulset", "third") is None
    up(stack, "--expect-no-changes")


def _answer(client: openai.OpenAI, model: str) -> experiment.Answer | None:
    try:
        return experiment.ask(client, model, stream=False)
    except openai.NotFoundError:
        return None


def _is_unknown(client: openai.OpenAI, model: str) -> bool | None:
    return _answer(client, model) is None or None


def _told(paths: Paths) -> str:
    """The version of the routes that the gateway's pod was told of."""
    pods = get(paths, "pods", f"--selector={GATEWAY}")
    assert pods
    (only,) = pods["items"]
    return str(only["metadata"]["annotations"][ANNOTATION])


def _routes_version(paths: Paths) -> str:
    routes = get(paths, "configmap", "gateway-routes")
    assert routes
    return str(routes["metadata"]["resourceVersion"])


def _unschedulable(paths: Paths, name: str) -> str | None:
    found = get(paths, "events", f"--field-selector=involvedObject.name={name},reason=FailedScheduling")
    items = (found or {}).get("items", [])
    return str(items[0]["message"]) if items else None
