"""Nodes that are played by kwok: pods on them run and are ready at once, and nothing is started for them.

A pod of a stack whose images or GPUs can't be had here is scheduled, becomes ready and ends as on real
nodes, so everything that waits for pods can be tried. So is what waits for a load balancer.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from local.control_plane import NODE_NAME
from local.kubectl import get, kubectl
from local.node import Node, find_node
from local.paths import Paths
from local.waiting import wait_for

SIMULATED = "kwok.x-k8s.io/node"
"""Label and annotation of the nodes that kwok plays; it leaves all others alone."""

POD_RANGE = "198.18.32.0/20"
"""Addresses of their pods. Nobody answers there."""

_STAGES = Path(__file__).parent / "stages.yaml"
_PROGRAM = "kwok"


@dataclass(frozen=True)
class SimulatedNode:
    """A node to play."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[dict[str, str], ...] = ()
    resources: dict[str, str] = field(default_factory=dict)
    """What it has beside CPU, memory and room for pods, such as ``nvidia.com/gpu``."""


def start(paths: Paths, nodes: Iterable[SimulatedNode]) -> None:
    """Play these nodes, and keep new pods off the cluster's real one until ``stop``.

    Raises:
        LocalError: when the cluster does not run.
        TimeoutError: when a node does not become ready.
    """
    stop(paths)
    kubectl(paths, "cordon", NODE_NAME)
    _running_node(paths).spawn(_command(paths), paths.logs / f"{_PROGRAM}.log")
    join(paths, nodes)


def join(paths: Paths, nodes: Iterable[SimulatedNode]) -> None:
    """Play these nodes too, as an autoscaler adds nodes.

    Raises:
        LocalError: when the cluster does not run.
        TimeoutError: when a node does not become ready.
    """
    manifests = [_manifest(node) for node in nodes]
    kubectl(paths, "create", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))
    kubectl(paths, "wait", "node", f"--selector={SIMULATED}", "--for=condition=Ready", "--timeout=300s")


def leave(paths: Paths, names: Iterable[str]) -> None:
    """Take these nodes away with no notice, as a cloud takes back a spot node. Their pods go with them."""
    kubectl(paths, "delete", "node", *names)


def stop(paths: Paths) -> None:
    """Take the nodes away with what is left on them, whoever started them."""
    process = _running_node(paths).running(_PROGRAM)
    if process is not None:
        process.kill()
        wait_for(lambda: None if psutil.pid_exists(process.pid) else True, "kwok to end")
    kubectl(paths, "delete", "node", f"--selector={SIMULATED}", "--ignore-not-found")
    # Nobody is left who could say that their pods have ended.
    for namespace, name in _stranded(paths):
        kubectl(paths, "delete", "pod", name, f"--namespace={namespace}", "--force", "--ignore-not-found")
    kubectl(paths, "uncordon", NODE_NAME)


def _running_node(paths: Paths) -> Node:
    return wait_for(lambda: find_node(paths), "the embedded cluster's node", seconds=1)


def _stranded(paths: Paths) -> list[tuple[str, str]]:
    pods = (get(paths, "pods", "--all-namespaces") or {}).get("items", [])
    return [
        (pod["metadata"]["namespace"], pod["metadata"]["name"])
        for pod in pods
        if pod["spec"].get("nodeName", NODE_NAME) != NODE_NAME
    ]


def _command(paths: Paths) -> list[str]:
    return [
        str(paths.bin / _PROGRAM),
        f"--config={paths.kwok_stages}",
        f"--config={_STAGES}",
        f"--kubeconfig={paths.kubeconfig}",
        f"--manage-nodes-with-annotation-selector={SIMULATED}=fake",
        f"--cidr={POD_RANGE}",
        # Renewed every quarter of it, which must be less than the 50 s after which a node counts as lost.
        "--node-lease-duration-seconds=120",
    ]


def _manifest(node: SimulatedNode) -> dict[str, Any]:
    resources = {"cpu": "128", "memory": "1Ti", "pods": "500", **node.resources}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "labels": {SIMULATED: "fake", "kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux"}
            | node.labels,
            "annotations": {SIMULATED: "fake"},
        },
        "spec": {"taints": list(node.taints)},
        "status": {"allocatable": resources, "capacity": resources},
    }
