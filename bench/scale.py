"""Measures preview, update and update without changes by the number of models, beside a flat program.

Each model has a route and, where there is more than one, a fallback, behind a Higress gateway. The flat
program (``bench/flat``) declares the very same Kubernetes resources with no components and no settings;
both run on the embedded cluster, whose nodes are simulated for the time and whose charts are stand-ins.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from bench import entry
from bench.arguments import at_least_one
from local import cluster, pulumi_cli, simulation
from local.kubectl import kubectl
from local.paths import CHECKOUT, Paths
from local.shell import run_to_its_end
from local.simulation import SimulatedNode
from tests.live.sites import Site

STACK = "scale"
CHART = CHECKOUT / "tests" / "live" / "charts" / "higress"
FLAT = Path(__file__).parent / "flat"
SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the key by which a state marks a secret
RELEASE_INPUTS = frozenset(
    {"chart", "cleanupOnFail", "name", "namespace", "repositoryOpts", "skipCrds", "timeout", "values", "version"}
)
"""What a person would write of a release. The provider adds more to what it keeps."""

UNATTENDED = ("--yes", "--skip-preview", "--non-interactive")
WITHOUT_CHECKPOINTS = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""Keeps Pulumi from writing the whole state after every step."""

Config = dict[str, Any]


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    seconds: float
    mib: float
    """Most memory of all its processes together, in MiB."""


def main() -> None:
    """Run every size and print a table and a last line of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=at_least_one, nargs="+", default=[1, 10, 100, 500], help="numbers of models")
    parser.add_argument(
        "--no-checkpoints",
        action="store_true",
        help="let neither program's Pulumi write its state between steps, which grows with the square of the models",
    )
    arguments = parser.parse_args()
    sizes = arguments.sizes
    if arguments.no_checkpoints:
        os.environ |= WITHOUT_CHECKPOINTS
    paths = Paths.from_environment()
    cluster.up(paths, lambda line: print(line, file=sys.stderr))
    figures: dict[str, float] = {}
    print(f"machine: {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.release()}")
    print(f"{'models':>6} {'resources':>9} {'command':>8} {'platform':>18} {'flat':>18} {'ratio':>6}")
    with _simulated_nodes(paths, max(sizes)):
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                ours, resources = _platform(paths, Path(folder), size)
                flat = _flat(paths, Path(folder) / "flat", resources)
            for command, cost in ours.items():
                ratio = cost.seconds / flat[command].seconds
                figures[f"{command}_{size}"] = ratio
                print(
                    f"{size:6} {len(resources['resources']):9} {command:>8} {_shown(cost)} {_shown(flat[command])} "
                    f"{ratio:6.2f}",
                    flush=True,
                )
    print("figure:", " ".join(f"{name}={value:.2f}" for name, value in figures.items()))


def stack_config(paths: Paths, size: int) -> Config:
    """A stack file's ``config`` with so many models."""
    names = [f"model-{number}" for number in range(size)]
    models = [
        {
            "name": name,
            "source": f"hf://organisation/{name}",
            "pool": "gpu",
            "cpu": "10m",
            "memory": "1Gi",
            "sharedMemory": "64Mi",
        }
        for name in names
    ]
    routes = [
        {"model": name, **({"fallback": [names[(number + 1) % size]]} if size > 1 else {})}
        for number, name in enumerate(names)
    ]
    return {
        "modelyard:cluster": {"kind": "existing", "kubeconfig": str(paths.kubeconfig)},
        "modelyard:serving": {"image": "registry.example/serving:1"},
        "modelyard:pools": [
            {"name": "gpu", "gpusPerNode": 8, "maxNodes": 1000, "nodeSelector": {"modelyard.dev/pool": "gpu"}}
        ],
        "modelyard:models": models,
        "modelyard:routes": routes,
        "modelyard:gateway": {
            "kind": "higress",
            "chart": {"source": str(CHART)},
            "service": {"type": "ClusterIP"},
        },
    }


@contextmanager
def _simulated_nodes(paths: Paths, models: int) -> Iterator[None]:
    gpus = {"nvidia.com/gpu": str(2 * models + 8), "pods": "2000", "memory": "4Ti"}
    labels = {"modelyard.dev/pool": "gpu"}
    simulation.start(paths, [SimulatedNode("scale-1", labels, resources=gpus)])
    try:
        yield
    finally:
        simulation.stop(paths)


def _platform(paths: Paths, folder: Path, size: int) -> tuple[dict[str, Cost], dict[str, Any]]:
    site = Site(paths, folder, STACK, stack_config(paths, size))

    def run(*arguments: str) -> None:
        site.run(*arguments, f"--stack={STACK}")

    try:
        costs = _measure(run)
        state = json.loads(site.run("stack", "export", "--show-secrets", f"--stack={STACK}"))
    finally:
        with _without_checkpoints():
            run("destroy", *UNATTENDED)
    return costs, resources_of(state)


def _flat(paths: Paths, folder: Path, resources: dict[str, Any]) -> dict[str, Cost]:
    folder.mkdir()
    project = yaml.safe_load((FLAT / "Pulumi.yaml").read_text())
    project["runtime"] = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())["runtime"]
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (folder / "__main__.py").write_text((FLAT / "__main__.py").read_text())
    (folder / "resources.json").write_text(json.dumps(resources))
    (folder / "state").mkdir()
    environment = {
        **os.environ,
        **pulumi_cli.environment(paths, STACK),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "of-a-benchmark",
    }

    def run(*arguments: str) -> None:
        command = [str(pulumi_cli.program(paths)), *arguments]
        done = run_to_its_end(command, cwd=folder, env=environment, capture=True)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)

    run("stack", "init", STACK, "--non-interactive")
    try:
        costs = _measure(run)
    finally:
        environment |= WITHOUT_CHECKPOINTS
        run("destroy", *UNATTENDED)
    kubectl(paths, "delete", "crd", "--all", "--wait=true")
    return costs


def _measure(run: Callable[..., None]) -> dict[str, Cost]:
    return {
        "preview": _cost(lambda: run("preview", "--non-interactive")),
        "up": _cost(lambda: run("up", *UNATTENDED)),
        "same": _cost(lambda: run("up", *UNATTENDED, "--expect-no-changes")),
    }


@contextmanager
def _without_checkpoints() -> Iterator[None]:
    before = dict(os.environ)
    os.environ |= WITHOUT_CHECKPOINTS
    try:
        yield
    finally:
        for name in WITHOUT_CHECKPOINTS.keys() - before.keys():
            del os.environ[name]


def _cost(work: Callable[[], None]) -> Cost:
    done = threading.Event()
    most = 0.0

    def watch() -> None:
        nonlocal most
        while not done.wait(0.2):
            most = max(most, sum(_memory(process) for process in psutil.Process().children(recursive=True)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    begin = time.monotonic()
    try:
        work()
    finally:
        took = time.monotonic() - begin
        done.set()
        watcher.join()
    return Cost(took, most / 2**20)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def resources_of(state: dict[str, Any]) -> dict[str, Any]:
    """What the flat program declares: the Kubernetes resources of a state, and the provider's inputs."""
    all_resources = state["deployment"]["resources"]
    kept = [one for one in all_resources if one["type"].startswith("kubernetes:")]
    (provider,) = [one for one in all_resources if one["type"] == "pulumi:providers:kubernetes"]
    known = {one["urn"] for one in kept}
    return {
        "provider": {
            "kubeconfig": provider["inputs"]["kubeconfig"],
            "enable_server_side_apply": True,
            "enable_config_map_mutable": True,
            "enable_secret_mutable": True,
        },
        "resources": [
            {
                "urn": one["urn"],
                "type": one["type"],
                "name": one["urn"].rpartition("::")[2],
                "inputs": _inputs(one),
                "dependencies": [urn for urn in one.get("dependencies", []) if urn in known],
                "timeouts": {key: f"{value}s" for key, value in one.get("customTimeouts", {}).items() if value},
                "retain": one.get("retainOnDelete", False),
            }
            for one in kept
        ],
    }


def _inputs(resource: dict[str, Any]) -> dict[str, Any]:
    inputs: dict[str, Any] = _plain(resource["inputs"])
    if resource["type"].endswith(":Release"):
        return {key: value for key, value in inputs.items() if key in RELEASE_INPUTS}
    return inputs


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if SECRET in value:
            return json.loads(value["plaintext"])
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _shown(cost: Cost) -> str:
    return f"{cost.seconds:8.1f} s {cost.mib:5.0f} MiB"


if __name__ == "__main__":
    entry.run(main)
