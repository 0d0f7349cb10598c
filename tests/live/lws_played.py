"""Plays LeaderWorkerSet, whose image can't be had here: the objects of the first replica, and its condition."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from components.manifests.multi_node.names import API, GROUP_INDEX, KIND, SET_NAME, WORKER_INDEX
from components.manifests.objects import Manifest
from local.kubectl import get, kubectl
from local.paths import Paths
from local.shell import CommandError

PLURAL = "leaderworkersets.leaderworkerset.x-k8s.io"


@contextmanager
def played(paths: Paths, namespace: str) -> Iterator[None]:
    """Play the operator for a namespace, whose sets have one replica of two pods."""
    stopped = threading.Event()

    def play() -> None:
        while not stopped.wait(0.5):
            for item in (get(paths, PLURAL, f"--namespace={namespace}") or {}).get("items", []):
                _reconcile(paths, item)

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _reconcile(paths: Paths, item: dict[str, Any]) -> None:
    metadata = item["metadata"]
    if "deletionTimestamp" in metadata:
        return
    name, place = metadata["name"], f"--namespace={metadata['namespace']}"
    objects = [_leaders(item), _workers(item), _service(item)]
    try:
        for manifest in objects:
            kubectl(paths, "apply", "--server-side", "--filename=-", stdin=json.dumps(manifest))
        sets = [get(paths, "statefulset", each, place) or {"status": {}} for each in (name, f"{name}-0")]
        if all(found["status"].get("readyReplicas", 0) == 1 for found in sets):
            generation = metadata["generation"]
            condition = {"type": "Available", "status": "True", "observedGeneration": generation}
            status = {"status": {"conditions": [condition], "observedGeneration": generation}}
            patch = ("--subresource=status", "--type=merge", f"-p={json.dumps(status)}")
            kubectl(paths, "patch", PLURAL, name, place, *patch)
    except CommandError:
        # As the operator does, it tries again: what is in the way, such as pods of another kind, has to go first.
        return


def _leaders(item: dict[str, Any]) -> Manifest:
    name = item["metadata"]["name"]
    return _stateful_set(item, name, "leaderTemplate", {SET_NAME: name, GROUP_INDEX: "0", WORKER_INDEX: "0"})


def _workers(item: dict[str, Any]) -> Manifest:
    name = item["metadata"]["name"]
    labels = {SET_NAME: name, GROUP_INDEX: "0", WORKER_INDEX: "1"}
    manifest = _stateful_set(item, f"{name}-0", "workerTemplate", labels)
    manifest["spec"]["ordinals"] = {"start": 1}
    return manifest


def _stateful_set(item: dict[str, Any], name: str, template: str, labels: dict[str, str]) -> Manifest:
    pod = item["spec"]["leaderWorkerTemplate"][template]
    metadata = pod["metadata"]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": _metadata(item, name),
        "spec": {
            "serviceName": f"{item['metadata']['name']}-0",
            "replicas": 1,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "template": {**pod, "metadata": {**metadata, "labels": {**metadata["labels"], **labels}}},
        },
    }


def _service(item: dict[str, Any]) -> Manifest:
    name = item["metadata"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(item, f"{name}-0"),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {SET_NAME: name, GROUP_INDEX: "0"},
        },
    }


def _metadata(item: dict[str, Any], name: str) -> Manifest:
    metadata = item["metadata"]
    owner = {
        "apiVersion": API,
        "kind": KIND,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {"name": name, "namespace": metadata["namespace"], "ownerReferences": [owner]}
