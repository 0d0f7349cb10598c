"""Measures one more model on the embedded cluster, from the command that adds it until its first token.

By `pulumi up`, by `kubectl apply` of the very same objects, and by bare `vllm serve` with the arguments of the model's
own vLLM, beside the other model each time. The local stack is put up with one of its models first, which has to be
possible: the cluster runs. Afterwards it is the local stack as it stands.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from bench import entry, local_stack, servers
from bench.arguments import at_least_one
from bench.scale import resources_of
from local import pulumi
from local.errors import LocalError
from local.kubectl import kubectl
from local.node import find_node
from local.paths import Paths
from local.pulumi_cli import STACK
from local.stack import local_settings
from stacks.kubectl import Kubectl

ADDED = "gemma-2-2b"
SELECTOR = f"app.kubernetes.io/instance={ADDED}"
PHASES = ("pod made", "scheduled", "container started", "ready", "first token")
"""What is waited for, in this order. vLLM starts between the container's start and ready."""
WAIT_SECONDS = 600.0
LOOK_SECONDS = 0.05
OF_OURS = ("--middleware", "--shutdown-timeout")
"""Arguments, with a value each, that the entrypoint adds to vLLM's for itself."""
UP, APPLY, BARE = "pulumi up", "kubectl apply", "vllm serve"

Object = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """A pod, when the API told of it."""

    at: float
    pod: Object


def phases(begin: float, seen: Sequence[Seen], first_token: float) -> dict[str, float]:
    """Seconds of each phase, from all that was seen of one pod.

    Raises:
        LocalError: when a phase was not seen to end.
    """
    ends: dict[str, float] = {}
    for each in seen:
        for phase, holds in _reached(each.pod).items():
            if holds:
                ends.setdefault(phase, each.at)
    ends["first token"] = first_token
    if missing := [phase for phase in PHASES if phase not in ends]:
        raise LocalError(
            f"The pod of '{ADDED}' was not seen {missing[0]}.", "See `make kubectl ARGS='get pods'`; then run it again."
        )
    # The gateway may know that a pod is ready before the API tells of it.
    ends["ready"] = min(ends["ready"], first_token)
    times = [begin, *(ends[phase] for phase in PHASES)]
    return {phase: end - start for phase, (start, end) in zip(PHASES, pairwise(times), strict=True)}


def _reached(pod: Object) -> dict[str, bool]:
    status = pod.get("status", {})
    conditions = {one["type"]: one["status"] == "True" for one in status.get("conditions", [])}
    containers = status.get("containerStatuses", [])
    return {
        "pod made": True,
        "scheduled": conditions.get("PodScheduled", False),
        "container started": any("running" in one.get("state", {}) for one in containers),
        "ready": conditions.get("Ready", False),
    }


def bare_arguments(argv: Sequence[str], port: int) -> list[str]:
    """What vLLM was started with, less what the entrypoint adds for itself, at another port of loopback."""
    others = {"--host": "127.0.0.1", "--port": str(port)}
    found: list[str] = []
    place = 0
    while place < len(argv):
        if argv[place] in OF_OURS:
            place += 2
        elif argv[place] in others:
            found += [argv[place], others[argv[place]]]
            place += 2
        else:
            found.append(argv[place])
            place += 1
    return found


def main() -> None:
    """Run the arms in turn; print a table and a last line of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=at_least_one, default=1, help="how often each is measured")
    rounds = parser.parse_args().rounds
    paths = Paths.from_environment()
    # Where Python may not keep what it has compiled, it would compile all of the program in every `pulumi up`.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    found: dict[str, list[dict[str, float]]] = {arm: [] for arm in (UP, APPLY, BARE)}
    _say("the local stack, with both models")
    local_stack.up(paths)
    argv, environment = _process_of(paths)
    try:
        objects = _objects_of_one_more(paths)
        arms: dict[str, Callable[[], dict[str, float]]] = {
            UP: lambda: _measured(paths, lambda: local_stack.up(paths)),
            APPLY: lambda: _measured(paths, lambda: _apply(paths, objects)),
            BARE: lambda: {"first token": _bare(argv, environment)},
        }
        undo = {UP: lambda: _one_model(paths), APPLY: lambda: _delete(paths, objects), BARE: lambda: None}
        for number in range(rounds):
            for arm, measure in arms.items():
                _say(f"round {number + 1} of {rounds}: {arm}")
                found[arm].append(measure())
                _say(f"round {number + 1} of {rounds}: {arm}: {found[arm][-1]}")
                undo[arm]()
            if number + 1 < rounds:
                # By the way of both models: Pulumi does not know that the gateway was changed by another.
                local_stack.up(paths)
                _one_model(paths)
    finally:
        local_stack.up(paths)
    _print({arm: _medians(all_rounds) for arm, all_rounds in found.items()})


def _objects_of_one_more(paths: Paths) -> list[Object]:
    """What the update adds or changes that adds the model, and leaves the stack with one model."""
    whole = _resources(paths)
    _one_model(paths)
    before = _resources(paths)
    return [manifest for urn, manifest in whole.items() if before.get(urn) != manifest]


def _resources(paths: Paths) -> dict[str, Object]:
    exported = pulumi.pulumi(paths, ["stack", "export", "--show-secrets", f"--stack={STACK}"], capture=True)
    if exported.returncode:
        sys.exit(exported.stderr)
    resources = resources_of(json.loads(exported.stdout))["resources"]
    return {one["urn"]: one["inputs"] for one in resources if "apiVersion" in one["inputs"]}


def _one_model(paths: Paths) -> None:
    def one_model(config: dict[str, Any]) -> None:
        config["modelyard:models"] = [one for one in config["modelyard:models"] if one["name"] != ADDED]
        config["modelyard:routes"] = [{"model": one["name"]} for one in config["modelyard:models"]]

    local_stack.up(paths, one_model)
    _await_gone(paths)


def _apply(paths: Paths, objects: Sequence[Object]) -> None:
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    kubectl(paths, "apply", "--server-side", "--force-conflicts", "--filename=-", stdin=manifest)


def _delete(paths: Paths, objects: Sequence[Object]) -> None:
    """Delete what is the added model's own; what it shares with the other stays."""
    for one in objects:
        metadata = one["metadata"]
        if metadata.get("labels", {}).get("app.kubernetes.io/instance") == ADDED:
            namespace = f"--namespace={metadata['namespace']}"
            kubectl(paths, "delete", one["kind"], metadata["name"], namespace, "--ignore-not-found")
    _await_gone(paths)


def _await_gone(paths: Paths) -> None:
    kubectl(paths, "wait", "--for=delete", "pod", f"--selector={SELECTOR}", f"--timeout={WAIT_SECONDS:.0f}s")
    _wait(lambda: _first_token(_gateway_url(), ADDED) is None, f"the gateway to find {ADDED} gone")


def _measured(paths: Paths, command: Callable[[], None]) -> dict[str, float]:
    """The phases from a command that adds the model until its first token."""
    tokens: list[float] = []
    with _watching(paths) as seen:
        begin = time.monotonic()
        entry.when_seen(
            lambda: _first_token(_gateway_url(), ADDED, tokens) is not None,
            command,
            f"a token of {ADDED}",
            every=LOOK_SECONDS,
            seconds=WAIT_SECONDS,
        )
        return phases(begin, seen, tokens[0])


@contextmanager
def _watching(paths: Paths) -> Iterator[list[Seen]]:
    """What the API tells of the model's pods, as long as the context lasts."""
    own = Kubectl(str(paths.bin / "kubectl"), str(paths.kubeconfig), None, "default")
    # In this form every event is a line.
    path = f"/api/v1/pods?watch=1&labelSelector={SELECTOR}"
    process = subprocess.Popen([*own.command, "get", "--raw", path], stdout=subprocess.PIPE, text=True)
    seen: list[Seen] = []

    def read() -> None:
        assert process.stdout
        for line in process.stdout:
            seen.append(Seen(time.monotonic(), json.loads(line)["object"]))

    reading = threading.Thread(target=read)
    reading.start()
    try:
        yield seen
    finally:
        process.terminate()
        process.wait()
        reading.join()


def _process_of(paths: Paths) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of the model's vLLM on the node."""
    node = find_node(paths)
    if node is None:
        sys.exit("The embedded cluster does not run: run `make local-up` first.")
    for process in node.processes():
        # Some come and go meanwhile.
        with suppress(psutil.Error):
            argv = process.cmdline()
            if "vllm.entrypoints.cli.main" in argv and ADDED in argv:
                return argv, process.environ()
    sys.exit(f"no vLLM of {ADDED} runs on the node: see `make kubectl ARGS='get pods'`")


def _bare(argv: Sequence[str], environment: Mapping[str, str]) -> float:
    """Seconds from the start of bare vLLM until its first token."""
    port = servers.free_port()
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    tokens: list[float] = []
    with TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        begin = time.monotonic()
        process = subprocess.Popen(
            bare_arguments(argv, port), env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(lambda: _first_token(url, ADDED, tokens) is not None, f"a token of {BARE}")
        finally:
            process.terminate()
            process.wait()
    return tokens[0] - begin


def _first_token(url: str, model: str, found: list[float] | None = None) -> float | None:
    """When a streamed answer of the model's own began. None: there was none."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "stream": True, "max_tokens": 1}
    try:
        with httpx.stream("POST", url, json=body, timeout=WAIT_SECONDS) as answer:
            if answer.status_code != 200 or answer.headers.get("x-modelyard-fallback-from"):
                return None
            next(answer.iter_bytes())
            at = time.monotonic()
    except (httpx.HTTPError, StopIteration):
        return None
    if found is not None:
        found.append(at)
    return at


def _gateway_url() -> str:
    return f"{local_settings().gateway.base_url}/chat/completions"


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            message = f"waited {WAIT_SECONDS:.0f} s for {what}"
            raise TimeoutError(message)
        time.sleep(LOOK_SECONDS)


def _medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {phase: statistics.median(one[phase] for one in rounds) for phase in rounds[0]}


def _print(found: Mapping[str, Mapping[str, float]]) -> None:
    print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[1]:.0f}, Linux {platform.release()}")
    print(f"| seconds | {' | '.join(PHASES)} | together |")
    print(f"|---|{'---|' * (len(PHASES) + 1)}")
    totals = {arm: sum(times.values()) for arm, times in found.items()}
    for arm, times in found.items():
        cells = [f"{times[phase]:.1f}" if phase in times else "" for phase in PHASES]
        print(f"| `{arm}` | {' | '.join(cells)} | {totals[arm]:.1f} |")
    ours = found[UP]
    figures = {
        "pulumi_up": totals[UP],
        "kubectl_apply": totals[APPLY],
        "bare": totals[BARE],
        "above_bare": totals[UP] - totals[BARE],
        "around_vllm": totals[UP] - ours["ready"],
    }
    print("figure:", " ".join(f"{name}={value:.1f}" for name, value in figures.items()))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    entry.run(main)
