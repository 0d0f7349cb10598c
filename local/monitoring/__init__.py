"""A Prometheus on the embedded cluster, made by its operator. It selects as that of kube-prometheus-stack does."""

import json
from pathlib import Path
from typing import Any

from local.cluster import Say, import_images
from local.kubectl import get, kubectl
from local.monitoring.images import VERSIONS
from local.network import NODE_ADDRESS
from local.paths import Paths

PROMETHEUS = f"http://{NODE_ADDRESS}:30090"
"""Where this machine reaches the Prometheus: the node port of its Service."""

MANIFESTS = Path(__file__).with_name("prometheus.yaml")

_SECONDS = 300
_DASHBOARDS = "app.kubernetes.io/name=dashboard,app.kubernetes.io/part-of=modelyard"


def start(paths: Paths, say: Say) -> None:
    """Start what does not run of it, and wait until the Prometheus answers.

    Raises:
        LocalError: when the cluster does not run.
        CommandError: when the Prometheus does not come up.
    """
    import_images(paths, VERSIONS, say)
    kubectl(paths, "apply", "--server-side", "--force-conflicts", f"--filename={paths.prometheus_crds}")
    kubectl(paths, "wait", f"--filename={paths.prometheus_crds}", "--for=condition=Established")
    kubectl(paths, "apply", "--server-side", "--force-conflicts", f"--filename={MANIFESTS}")
    say("waiting for Prometheus")
    own = ("--namespace=monitoring", f"--timeout={_SECONDS}s")
    kubectl(paths, "rollout", "status", "deployment/prometheus-operator", *own)
    kubectl(paths, "wait", "prometheus/prometheus", "--for=condition=Available", *own)


def stop(paths: Paths) -> None:
    """Take all of it away, and what the Prometheus knows."""
    kubectl(paths, "delete", "--ignore-not-found", f"--filename={MANIFESTS}")


def runs(paths: Paths) -> bool:
    """Whether it was started."""
    return get(paths, "namespace", "monitoring") is not None


def dashboards(paths: Paths) -> list[dict[str, Any]]:
    """The dashboards that the cluster's stacks have made, in Grafana's JSON model, by their titles."""
    maps = get(paths, "configmaps", "--all-namespaces", f"--selector={_DASHBOARDS}") or {"items": []}
    found = [json.loads(text) for each in maps["items"] for text in each["data"].values()]
    return sorted(found, key=lambda model: str(model["title"]))
