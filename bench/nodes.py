"""Measures a large platform without a GPU: 500 models on 1,000 simulated nodes of 8 GPUs, some of which leave.

The nodes are played on the embedded cluster, whose scheduler and controllers are real. The replicas of
five models ask for 8, 8, 4, 2 and 1 GPUs, so that 95 % of all GPUs are taken.
"""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench import entry
from bench.arguments import at_least_one
from bench.scale import WITHOUT_CHECKPOINTS, stack_config
from local import cluster, simulation
from local.kubectl import get
from local.paths import Paths
from local.simulation import SimulatedNode
from local.waiting import wait_for
from tests.live.sites import Site

STACK = "nodes"
GPUS_PER_NODE = 8
SHAPES = ((8, 4), (8, 2), (4, 4), (2, 4), (1, 4))
"""GPUs of a replica and replicas, of five models in turn: 76 GPUs, for 10 nodes of 8."""
SETTLED_SECONDS = 20
"""How long nothing may have changed until what is Pending is taken to stay so."""


@dataclass(frozen=True)
class Placed:
    """Where the models' pods are."""

    ready: int
    pending: int
    lost: int
    """Pods whose node has gone, and which nobody has deleted yet."""
    gpus: Counter[str]
    """GPUs taken, by node."""

    @property
    def whole(self) -> int:
        """Nodes all of whose GPUs are taken."""
        return sum(taken == GPUS_PER_NODE for taken in self.gpus.values())


def main() -> None:
    """Put the models up, take nodes away, give them back, and print a table and a last line of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=at_least_one, default=1000, help="number of nodes, 10 for every 5 models")
    parser.add_argument("--leave", type=at_least_one, default=100, help="nodes that leave and come back")
    parser.add_argument("--bin-packing", action="store_true", help="set the pool's binPacking")
    arguments = parser.parse_args()
    paths = Paths.from_environment()
    cluster.up(paths, lambda line: print(line, file=sys.stderr))
    os.environ |= WITHOUT_CHECKPOINTS
    print(f"machine: {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.release()}")
    nodes = [_node(number) for number in range(arguments.nodes)]
    begin = time.monotonic()
    simulation.start(paths, nodes)
    print(f"{len(nodes)} nodes are ready after {time.monotonic() - begin:.0f} s", flush=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            site = Site(paths, Path(folder), STACK, _config(paths, arguments.nodes // 2, packed=arguments.bin_packing))
            try:
                figures = _measure(paths, site, nodes, arguments.leave)
            finally:
                site.destroy()
    finally:
        simulation.stop(paths)
    print("figure:", " ".join(f"{name}={value:.1f}" for name, value in figures.items()))


def _measure(paths: Paths, site: Site, nodes: list[SimulatedNode], leaving: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    replicas = sum(model["replicas"] for model in site.config["modelyard:models"])
    begin = time.monotonic()
    placed = _up(paths, site, replicas)
    figures["up_seconds"] = time.monotonic() - begin
    _show(f"up in {figures['up_seconds']:.0f} s", placed)
    figures["pending_after_up"] = placed.pending

    gone = [node for node in nodes if placed.gpus[node.name] == GPUS_PER_NODE][:leaving]
    lost = sum(placed.gpus[node.name] for node in gone)
    begin = time.monotonic()
    simulation.leave(paths, [node.name for node in gone])
    left = _settled(paths)
    _show(f"{len(gone)} nodes with {lost} taken GPUs have left; settled {_since(begin)}", left)
    figures["pending_after_leaving"] = left.pending

    begin = time.monotonic()
    simulation.join(paths, gone)
    back = wait_for(lambda: _all_ready(paths, replicas - placed.pending), "the replicas", seconds=900, every=1)
    figures["join_seconds"] = time.monotonic() - begin
    _show(f"{len(gone)} nodes have joined; all replicas ready after {figures['join_seconds']:.0f} s", back)
    return figures


def _up(paths: Paths, site: Site, replicas: int) -> Placed:
    """Update the stack until all replicas are ready, or have shown that they find no node."""
    with ThreadPoolExecutor(1) as executor:
        update = executor.submit(site.up)
        placed = _placed(paths)
        while not update.done() and not (placed.pending and placed.pending + placed.ready == replicas):
            placed = _settled(paths)
        if not update.done():
            # It would wait for them as long as a replica may take to start.
            _interrupt()
            wait([update])
            return placed
        update.result()
    return _placed(paths)


def _interrupt() -> None:
    for process in psutil.Process().children(recursive=True):
        if process.name() == "pulumi":
            process.send_signal(signal.SIGINT)


def _config(paths: Paths, models: int, *, packed: bool) -> dict[str, Any]:
    config = stack_config(paths, models)
    config["modelyard:pools"][0]["binPacking"] = packed
    for number, model in enumerate(config["modelyard:models"]):
        gpus, replicas = SHAPES[number % len(SHAPES)]
        model |= {"gpus": gpus, "replicas": replicas}
    return config


def _node(number: int) -> SimulatedNode:
    labels = {"modelyard.dev/pool": "gpu", "topology.kubernetes.io/zone": f"zone-{number % 3}"}
    return SimulatedNode(f"gpu-{number}", labels, resources={"nvidia.com/gpu": str(GPUS_PER_NODE)})


def _placed(paths: Paths) -> Placed:
    pods = (get(paths, "pods", "--selector=app.kubernetes.io/component=model-service") or {}).get("items", [])
    nodes = {node["metadata"]["name"] for node in (get(paths, "nodes") or {}).get("items", [])}
    gpus: Counter[str] = Counter()
    ready = pending = lost = 0
    for pod in pods:
        if pod["spec"].get("nodeName") not in nodes:
            pending += "nodeName" not in pod["spec"]
            lost += "nodeName" in pod["spec"]
            continue
        ready += any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))
        gpus[pod["spec"]["nodeName"]] += int(pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"])
    return Placed(ready, pending, lost, gpus)


def _settled(paths: Paths) -> Placed:
    """What there is once it has not changed for a while."""
    last = _placed(paths)
    since = time.monotonic()
    while time.monotonic() - since < SETTLED_SECONDS:
        time.sleep(2)
        now = _placed(paths)
        if now != last or now.lost:
            last, since = now, time.monotonic()
    return last


def _all_ready(paths: Paths, replicas: int) -> Placed | None:
    placed = _placed(paths)
    return placed if placed.ready >= replicas else None


def _since(begin: float) -> str:
    return f"within {time.monotonic() - begin - SETTLED_SECONDS:.0f} s"


def _show(what: str, placed: Placed) -> None:
    most = max(placed.gpus.values(), default=0)
    print(
        f"{what}: {placed.ready} replicas ready, {placed.pending} Pending; {sum(placed.gpus.values())} GPUs taken on "
        f"{len(placed.gpus)} nodes, {placed.whole} of them whole, most on one node {most}",
        flush=True,
    )


if __name__ == "__main__":
    entry.run(main)
