"""Plays llmaz and LeaderWorkerSet, whose images can't be had here: pods for a model's object, and its condition."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from components.manifests.objects import Manifest
from local.kubectl import get, kubectl
from local.paths import Paths
from local.shell import CommandError

KINDS = ("playgrounds.inference.llmaz.io", "services.inference.llmaz.io")


@contextmanager
def played(paths: Paths, namespace: str) -> Iterator[None]:
    """Play the operators for a namespace's models."""
    stopped = threading.Event()

    def play() -> None:
        while not stopped.wait(0.5):
            for kind in KINDS:
                for item in (get(paths, kind, f"--namespace={namespace}") or {}).get("items", []):
                    _reconcile(paths, kind, item)

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _reconcile(paths: Paths, kind: str, item: dict[str, Any]) -> None:
    metadata = item["metadata"]
    if "deletionTimestamp" in metadata:
        return
    name, place = metadata["name"], f"--namespace={metadata['namespace']}"
    try:
        kubectl(paths, "apply", "--server-side", "--filename=-", stdin=json.dumps(_stateful_set(item)))
        found = get(paths, "statefulset", name, place)
        if found and found["status"].get("readyReplicas", 0) == item["spec"]["replicas"]:
            status = {"status": {"conditions": [{"type": "Available", "status": "True"}]}}
            kubectl(
                paths, "patch", kind, name, place, "--subresource=status", "--type=merge", f"-p={json.dumps(status)}"
            )
    except CommandError:
        # As the operators do, it tries again: what is in the way, such as pods of another backend, has to go first.
        return


def _stateful_set(item: dict[str, Any]) -> Manifest:
    metadata = item["metadata"]
    pods = {"leaderworkerset.sigs.k8s.io/name": metadata["name"], "leaderworkerset.sigs.k8s.io/worker-index": "0"}
    owner = {
        "apiVersion": item["apiVersion"],
        "kind": item["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    containers = [{"name": "model-runner", "image": "none", "ports": [{"name": "http", "containerPort": 8080}]}]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "ownerReferences": [owner]},
        "spec": {
            "serviceName": metadata["name"],
            "replicas": item["spec"]["replicas"],
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": pods},
            "template": {"metadata": {"labels": pods}, "spec": {"containers": containers}},
        },
    }
