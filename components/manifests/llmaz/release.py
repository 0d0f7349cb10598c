"""The Helm release of llmaz: where its chart comes from, its values, and what its Deployment lacks."""

from typing import Any

from components.manifests import helm, objects
from components.manifests.helm import ChartRelease, ChartSource, chart_source, merged
from components.manifests.objects import Manifest
from stacks.settings import StackSettings

RELEASE = "llmaz"
"""Name of the release, of the chart, and of the beginning of its objects' names: the operator knows no other."""
NAMESPACE = "llmaz-system"
"""Namespace of the operator, which knows no other."""
WEBHOOK_PORT = 9443
"""Port of the operator's admission webhooks in its pod."""

OPERATOR_IMAGE = "inftyai/llmaz"
"""The operator's image in a registry."""
LEADER_WORKER_SET_REGISTRY = "registry.k8s.io"
"""Where LeaderWorkerSet's image is published."""
LEADER_WORKER_SET_IMAGE = "lws/lws"
"""Its image there."""
LEADER_WORKER_SET_VERSION = "v0.6.1"
"""The version of LeaderWorkerSet that the chart has in it."""

UNUSED = ("envoy-ai-gateway", "envoy-gateway", "kube-scheduler", "open-webui", "prometheus")
"""What else the chart brings: another gateway, a chat page, a scheduler and its own metrics."""


def source(stack: StackSettings) -> ChartSource:
    """Where the chart comes from: what the stack says, else the mirror, else llmaz's registry."""
    return chart_source(RELEASE, stack.llmaz.chart, stack.image_mirror)


def release(stack: StackSettings) -> ChartRelease:
    """The release."""
    return ChartRelease(RELEASE, source(stack), values(stack))


def values(stack: StackSettings) -> dict[str, Any]:
    """The values of the chart: what the settings make, with the stack's own ``values`` over it."""
    mirror = stack.image_mirror
    manager: Manifest = {
        # The chart's own limit of 128 MiB is too low for a cluster with many Secrets, all of which it caches.
        "resources": {"requests": {"cpu": "10m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}}
    }
    if mirror:
        manager["image"] = {"repository": f"{mirror}/{OPERATOR_IMAGE}"}
    made: dict[str, Any] = {
        "controllerManager": {"manager": manager},
        "leaderWorkerSet": {"enabled": stack.llmaz.leader_worker_set},
        # Models bring runtimes of their own, and the chart's would race with the webhook that checks them.
        "backendRuntime": {"enabled": False},
        # No name of a scheduler: with one the operator rewrites objects that are the program's.
        "globalConfig": {"configData": "{}"},
        **{name: {"enabled": False} for name in UNUSED},
    }
    if stack.llmaz.leader_worker_set:
        image = {
            # The version is written out, for the chart's sources have the staging registry's latest one.
            "repository": f"{mirror or LEADER_WORKER_SET_REGISTRY}/{LEADER_WORKER_SET_IMAGE}",
            "tag": LEADER_WORKER_SET_VERSION,
        }
        made["lws"] = {"image": {"manager": image}}
    return merged(made, stack.llmaz.values)


def namespace(stack: StackSettings) -> Manifest:
    """The operator's namespace. Further values may bring charts whose pods want more of their nodes."""
    return objects.namespace(NAMESPACE, "privileged" if stack.llmaz.values else "baseline")


def webhook_probe() -> Manifest:
    """The probe that the operator's Deployment lacks."""
    return helm.webhook_probe(f"{RELEASE}-controller-manager", NAMESPACE, WEBHOOK_PORT)
