"""The Helm release of LeaderWorkerSet, and what its Deployment lacks."""

from typing import Any

from components.manifests import helm, objects
from components.manifests.helm import ChartRelease, chart_source, merged
from components.manifests.objects import Manifest
from stacks.parallelism import spanning_models
from stacks.settings import StackSettings

RELEASE = "lws"
"""Name of the release and of the chart, with which the names of its objects begin."""
NAMESPACE = "lws-system"
"""Namespace of the operator."""
WEBHOOK_PORT = 9443
"""Port of the operator's admission webhooks in its pod."""
REGISTRY = "registry.k8s.io"
"""Where the operator's image is published."""
IMAGE = "lws/lws"
"""Its image there."""


def brought_by_llmaz(stack: StackSettings) -> bool:
    """Whether llmaz's chart installs LeaderWorkerSet, of which a cluster can't have two."""
    return stack.llmaz.leader_worker_set and any(model.backend == "llmaz" for model in stack.models)


def release(stack: StackSettings) -> ChartRelease | None:
    """The release, or None where no model needs it or the cluster has LeaderWorkerSet by other means."""
    settings = stack.leader_worker_set
    if not (settings.install and spanning_models(stack)) or brought_by_llmaz(stack):
        return None
    return ChartRelease(RELEASE, chart_source(RELEASE, settings.chart, stack.image_mirror), values(stack))


def values(stack: StackSettings) -> dict[str, Any]:
    """The values of the chart: what the settings make, with the stack's own ``values`` over it."""
    made: dict[str, Any] = {
        "image": {
            "manager": {
                "repository": f"{stack.image_mirror or REGISTRY}/{IMAGE}",
                # The version is written out, for the chart's sources have the tag of the main branch.
                "tag": f"v{stack.leader_worker_set.chart.version}",
                "pullPolicy": "IfNotPresent",
            }
        },
        # The chart asks for a whole CPU. It is busy only while pods come and go.
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
    }
    return merged(made, stack.leader_worker_set.values)


def image(stack: StackSettings) -> str:
    """The address of the operator's image."""
    manager = values(stack)["image"]["manager"]
    return f"{manager['repository']}:{manager['tag']}"


def namespace() -> Manifest:
    """The operator's namespace."""
    return objects.namespace(NAMESPACE, "baseline")


def webhook_probe() -> Manifest:
    """The probe that the operator's Deployment lacks."""
    return helm.webhook_probe(f"{RELEASE}-controller-manager", NAMESPACE, WEBHOOK_PORT)
