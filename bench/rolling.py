"""Measures what clients lose while pods are replaced: rolling restarts and an upgrade of a model and of the gateway.

Clients ask without a pause, half of them streamed, and never try again. Beside it the same model, as vLLM's own command
in a Deployment with Kubernetes' defaults, is restarted while the same clients ask its Service. On the embedded cluster,
which has to run; afterwards the local stack is as it stands in its file.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import entry, local_stack
from bench.arguments import at_least_one
from components.manifests.placement import placement
from components.manifests.workload_pod import pod_spec
from local.kubectl import get, kubectl
from local.network import NODE_ADDRESS
from local.paths import Paths
from local.stack import local_settings
from local.waiting import wait_for
from stacks.settings import StackSettings
from tests.live.load import Load

MODEL = "qwen2-1-5b"
GATEWAY = "--selector=app.kubernetes.io/component=gateway"
PLAIN = "plain-vllm"
PLAIN_NODE_PORT = 30081
WAIT_SECONDS = 300.0
RESTART_MODEL, RESTART_GATEWAY, UPGRADE = "restart of the model", "restart of the gateway", "upgrade of both"
RESTART_PLAIN = "restart of plain `vllm serve`"

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Arm:
    """What clients saw while pods were replaced."""

    what: str
    requests: int
    failed: int
    """Requests without a whole answer: refused, broken off, or without an end."""
    by_fallback: int
    """Whole answers of another model than the one that was asked for."""
    slowest_seconds: float
    """The longest that a request took, whatever came of it."""
    seconds: float
    """From the order until the old pods were gone and the new ones had answered."""
    first_failures: tuple[str, ...]
    """What some of those that failed got."""


def plain_objects(settings: StackSettings) -> list[Manifest]:
    """The model as somebody would write it who has vLLM's documentation: its server, a readiness probe, a Service.

    The pod is the stack's own with vLLM's command, less the time to drain, the probes, and the GPU: during its rolling
    update there are two of it, beside the stack's two.
    """
    model = next(one for one in settings.models if one.name == MODEL)
    (pool,) = [one for one in settings.pools if one.name == model.pool]
    model = model.model_copy(update={"probes": model.probes.model_copy(update={"drain_seconds": 0})})
    spec = pod_spec(model, placement(pool), settings.serving.model_copy(update={"entrypoint": "vllm"}))
    (container,) = spec["containers"]
    for field in ("startupProbe", "livenessProbe", "resources"):
        del container[field]
    container["readinessProbe"] = {"httpGet": {"path": "/health", "port": "http"}}
    del spec["terminationGracePeriodSeconds"], spec["topologySpreadConstraints"]
    labels = {"app": PLAIN}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": PLAIN},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": PLAIN},
            "spec": {
                "type": "NodePort",
                "selector": labels,
                "ports": [{"port": 8000, "targetPort": "http", "nodePort": PLAIN_NODE_PORT}],
            },
        },
    ]


def upgraded(config: dict[str, Any]) -> None:
    """Change an engine argument of the model, and the gateway's memory: the pods of both have to be made anew."""
    # Through JSON: two models share their engine settings by an anchor, and this is meant for one of them.
    models = json.loads(json.dumps(config["modelyard:models"]))
    next(one for one in models if one["name"] == MODEL)["engine"]["maxModelLen"] = 1024
    config["modelyard:models"] = models
    config["modelyard:gateway"]["memory"] = "640Mi"


def figures(arms: Sequence[Arm]) -> dict[str, int]:
    """Failed requests: of both restarts, of the upgrade, and of plain vLLM's restart."""
    failed = {arm.what: arm.failed for arm in arms}
    found = {"rolling_failed": failed[RESTART_MODEL] + failed[RESTART_GATEWAY], "upgrade_failed": failed[UPGRADE]}
    return found | {"plain_failed": failed[RESTART_PLAIN]}


def main() -> None:
    """Run one after the other; print a table and a last line of figures."""
    parser = argparse.ArgumentParser(prog="make bench-rolling", description=__doc__)
    parser.add_argument("--clients", type=at_least_one, default=2, help="clients that ask plain, and as many streamed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was seen to a file, for programs")
    arguments = parser.parse_args()
    paths, clients = Paths.from_environment(), arguments.clients
    _say("the local stack")
    local_stack.up(paths)
    try:
        arms = [
            _measured(RESTART_MODEL, clients, lambda: _restart(paths, f"statefulset/{MODEL}")),
            _measured(RESTART_GATEWAY, clients, lambda: _restart_gateway(paths)),
            _measured(UPGRADE, clients, lambda: _upgrade(paths)),
        ]
    finally:
        local_stack.up(paths)
    with _plain(paths) as base_url:
        arms.append(_measured(RESTART_PLAIN, clients, lambda: _restart(paths, f"deployment/{PLAIN}"), base_url))
    if arguments.json:
        arguments.json.write_text(json.dumps({"arms": [asdict(arm) for arm in arms], **figures(arms)}, indent=2) + "\n")
    _print(arms)


def _measured(what: str, clients: int, replace: Callable[[], None], base_url: str | None = None) -> Arm:
    """Ask all the while that pods are replaced, and until the new ones have answered."""
    _say(what)
    with Load(MODEL, base_url=base_url).running(clients) as load:
        _await_answers(load)
        begin = time.monotonic()
        replace()
        _await_answers(load)
        seconds = time.monotonic() - begin
    failures = [*load.refused, *load.lost]
    by_fallback = sum(count for (by, _), count in load.answered.items() if by != MODEL)
    arm = Arm(
        what=what,
        requests=load.answered.total() + len(failures),
        failed=len(failures),
        by_fallback=by_fallback,
        slowest_seconds=load.slowest_seconds,
        seconds=seconds,
        first_failures=tuple(dict.fromkeys(failures))[:5],
    )
    _say(str(arm))
    return arm


def _await_answers(load: Load) -> None:
    """Wait for answers of the model's own, plain and streamed, after those that it has given."""
    counts = max(load.answered[MODEL, stream] for stream in (False, True))
    wait_for(lambda: load.served(MODEL, more_than=counts + 1), f"answers of {MODEL}", seconds=WAIT_SECONDS)


def _restart(paths: Paths, workload: str) -> None:
    kubectl(paths, "rollout", "restart", workload)
    _await_rollout(paths, workload)


def _restart_gateway(paths: Paths) -> None:
    (gateway,) = kubectl(paths, "get", "deployment", GATEWAY, "--output=name").split()
    old = _pods(paths)
    _restart(paths, gateway)
    _await_gone(paths, old)


def _upgrade(paths: Paths) -> None:
    old = _pods(paths)
    local_stack.up(paths, upgraded)
    _await_rollout(paths, f"statefulset/{MODEL}")
    _await_gone(paths, old)


def _pods(paths: Paths) -> list[str]:
    """The gateway's pods."""
    return kubectl(paths, "get", "pods", GATEWAY, "--output=name").split()


def _await_rollout(paths: Paths, workload: str) -> None:
    kubectl(paths, "rollout", "status", workload, f"--timeout={WAIT_SECONDS:.0f}s")


def _await_gone(paths: Paths, pods: Sequence[str]) -> None:
    kubectl(paths, "wait", "--for=delete", *pods, f"--timeout={WAIT_SECONDS:.0f}s")


@contextmanager
def _plain(paths: Paths) -> Iterator[str]:
    """The base URL of plain vLLM, which is there as long as the context lasts."""
    objects = plain_objects(local_settings())
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    _say("plain vLLM")
    try:
        kubectl(paths, "apply", "--server-side", "--filename=-", stdin=manifest)
        _await_rollout(paths, f"deployment/{PLAIN}")
        yield f"http://{NODE_ADDRESS}:{PLAIN_NODE_PORT}/v1"
    finally:
        kubectl(paths, "delete", "--filename=-", "--ignore-not-found", "--wait=true", stdin=manifest)
        wait_for(lambda: _none_left(paths), "plain vLLM to be gone", seconds=WAIT_SECONDS)


def _none_left(paths: Paths) -> bool | None:
    found = get(paths, "pods", f"--selector=app={PLAIN}")
    return (found is not None and not found["items"]) or None


def _print(arms: Sequence[Arm]) -> None:
    print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[1]:.0f}, Linux {platform.release()}")
    print("| what | requests | failed | answered by the fallback | slowest, s | from the order to the end, s |")
    print("|---|---|---|---|---|---|")
    for arm in arms:
        cells = (arm.what, f"{arm.requests:,}", f"{arm.failed:,}", f"{arm.by_fallback:,}")
        print(f"| {' | '.join(cells)} | {arm.slowest_seconds:.1f} | {arm.seconds:.0f} |")
    for arm in arms:
        for failure in arm.first_failures:
            print(f"{arm.what}: {failure}")
    print("figure:", " ".join(f"{name}={value}" for name, value in figures(arms).items()))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    entry.run(main)
