"""Updates that are killed, doubled, or begin from an old state: the next one comes to the same end.

The stack has models of no replicas, so an update takes seconds, and a gateway whose pod becomes ready.
"""

import itertools
import multiprocessing
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from local.kubectl import get, kubectl
from local.paths import CHECKOUT, Paths
from stacks import automation
from stacks.automation import AutomationError, LockedError, Options
from stacks.automation.recovery import checked
from stacks.automation.workspace import opened
from stacks.settings import NAMESPACE

pytestmark = [pytest.mark.live, pytest.mark.faults, pytest.mark.timeout(1800)]

STACK = "killed"
KILLS = 30
SEED = 20261123
LABELLED = "--selector=app.kubernetes.io/part-of=modelyard"
KINDS = "statefulset,deployment,service,configmap,secret,poddisruptionbudget,serviceaccount,networkpolicy"


def model(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "source": "pvc://weights/qwen", "pool": "gpu", "replicas": 0, **fields}


FIRST: dict[str, Any] = {
    "models": [model("qwen"), model("gemma"), model("llama")],
    "routes": [{"model": "qwen", "fallback": ["gemma", "llama"]}, {"model": "gemma"}],
}
SECOND: dict[str, Any] = {
    "models": [model("qwen", memory="20Gi"), model("mistral"), model("phi"), model("gemma")],
    "routes": [{"model": "qwen", "fallback": ["mistral"]}, {"model": "phi", "fallback": ["gemma"]}],
}
COMMON: dict[str, Any] = {
    "cluster": {"kind": "embedded", "namespace": STACK},
    "pools": [{"name": "gpu"}],
    "gateway": {
        "image": "modelyard.local/envoy:1.40.0",
        "imagePullPolicy": "Never",
        "replicas": 1,
        "cpu": "100m",
        "memory": "256Mi",
        "drainSeconds": 5,
    },
    "verify": {"enabled": False},
}


@pytest.fixture(scope="module")
def options(paths: Paths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Options]:
    """A checkout with the two stack files, a state of its own, and a namespace for what is made."""
    checkout, state = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("state")
    for name in ("Pulumi.yaml", "__main__.py", "components", "serving", ".venv"):
        (checkout / name).symlink_to(CHECKOUT / name)
    (checkout / "stacks").mkdir()
    for part in (CHECKOUT / "stacks").iterdir():
        if not part.name.startswith("Pulumi."):
            (checkout / "stacks" / part.name).symlink_to(part)
    for name, settings in {"first": FIRST, "second": SECOND}.items():
        config = {f"{NAMESPACE}:{key}": value for key, value in (COMMON | settings).items()}
        (checkout / "stacks" / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
    environment = {"PULUMI_BACKEND_URL": f"file://{state}", "PULUMI_CONFIG_PASSPHRASE": "of-a-test"}
    kubectl(paths, "create", "namespace", STACK)
    yield Options(environment=environment, checkout=checkout)
    kubectl(paths, "delete", "namespace", STACK)


def to(settings_of: str, options: Options, **how: Any) -> Options:
    """How to update to the settings of one of the files."""
    return replace(options, settings_of=settings_of, **how)


def update(options: Options) -> None:
    """What a killed process was doing."""
    automation.up(STACK, options=options)


def made(paths: Paths) -> dict[tuple[str, str], Any]:
    """What is in the cluster, by kind and name: what was asked for, without what the cluster adds."""
    found = get(paths, KINDS, f"--namespace={STACK}", LABELLED)
    assert found is not None
    parts = ("spec", "data", "stringData", "type")
    return {
        (item["kind"], item["metadata"]["name"]): {
            part: {key: value for key, value in item[part].items() if key not in ("clusterIP", "clusterIPs")}
            if isinstance(item.get(part), dict)
            else item.get(part)
            for part in parts
        }
        for item in found["items"]
    }


def kill_all(process: psutil.Process) -> None:
    """End a process and all that it has started, without a word to any of them."""
    family = [process, *process.children(recursive=True)]
    for one in family:
        one.suspend()  # so that none of them sees another one end
    for one in family:
        one.kill()
    psutil.wait_procs(family, timeout=20)


def test_updates_that_are_killed_at_random_moments_come_to_the_same_end(paths: Paths, options: Options) -> None:
    automation.up(STACK, options=to("second", options))
    began = time.monotonic()
    automation.up(STACK, options=to("first", options))
    usual = time.monotonic() - began
    undisturbed = made(paths)
    assert {name for kind, name in undisturbed if kind == "StatefulSet"} == {"qwen", "gemma", "llama"}

    chance = random.Random(SEED)  # noqa: S311 - not for secrets
    context = multiprocessing.get_context("spawn")
    files = itertools.cycle(("second", "first"))
    killed = begun = 0
    while killed < KILLS and begun < 3 * KILLS:
        running = context.Process(target=update, args=(to(next(files), options),))
        running.start()
        begun += 1
        assert running.pid is not None
        running.join(chance.uniform(0, usual))
        if running.is_alive():
            kill_all(psutil.Process(running.pid))
            killed += 1
        running.join()

    automation.up(STACK, options=to("first", options))

    assert killed == KILLS
    assert made(paths) == undisturbed
    again = automation.up(STACK, options=to("first", options, refresh=True, expect_no_changes=True))
    assert not again.changed


def test_of_two_operators_at_once_one_is_told_who_holds_the_stack(paths: Paths, options: Options) -> None:
    ends: list[str] = []

    def operate(file: str) -> None:
        try:
            automation.up(STACK, options=to(file, options))
        except LockedError as error:
            ends.append(str(error))
        except AutomationError as error:  # anything else is a failure of the test
            ends.append(f"unexpected: {error!r}")
        else:
            ends.append("up")

    operators = [threading.Thread(target=operate, args=(file,)) for file in ("first", "second")]
    for operator in operators:
        operator.start()
    for operator in operators:
        operator.join()

    assert "up" in ends
    (told,) = [end for end in ends if end != "up"]
    assert told.startswith(f"The stack '{STACK}' is locked by another update: ")
    automation.up(STACK, options=to("first", options))
    again = automation.up(STACK, options=to("first", options, refresh=True, expect_no_changes=True))
    assert not again.changed


def test_a_state_of_yesterday_is_brought_up_to_date(paths: Paths, options: Options, tmp_path: Path) -> None:
    automation.up(STACK, options=to("first", options))
    yesterday = tmp_path / "state.json"
    with opened(STACK, to("first", options)) as workspace:
        yesterday.write_text(checked(workspace, "stack", "export", *workspace.chosen))
    automation.up(STACK, options=to("second", options))
    today = made(paths)

    with opened(STACK, to("second", options)) as workspace:
        checked(workspace, "stack", "import", *workspace.chosen, f"--file={yesterday}")
    automation.up(STACK, options=to("second", options, refresh=True))

    assert made(paths) == today
    again = automation.up(STACK, options=to("second", options, refresh=True, expect_no_changes=True))
    assert not again.changed
    automation.destroy(STACK, options=to("second", options, remove=True))
    assert made(paths) == {}
