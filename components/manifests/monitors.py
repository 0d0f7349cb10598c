"""PodMonitors of gateway and models, for a Prometheus operator (``monitoring.coreos.com/v1``).

Higress's is made by its chart, which is told of it in its values.
"""

from components.manifests.envoy_gateway import gateway_selector
from components.manifests.multi_node.names import SET_NAME, WORKER_INDEX
from components.manifests.objects import MODEL_PODS, Manifest, labels, metadata
from stacks.settings import ObservabilitySettings, StackSettings

API = "monitoring.coreos.com/v1"
"""The API of the operator's objects."""


def observability_labels(stack: StackSettings, settings: ObservabilitySettings) -> dict[str, str]:
    """The labels of monitors and rules: those that every object has, and those that the Prometheus selects by."""
    return {**labels("observability", stack.cluster.namespace, "observability"), **settings.labels}


def owner(stack: StackSettings) -> str:
    """What names of a stack's objects begin with: what its gateway is called."""
    return stack.envoy.name if stack.gateway.kind == "envoy" else "higress"


def pod_monitors(stack: StackSettings, settings: ObservabilitySettings) -> list[Manifest]:
    """The PodMonitors of a stack, none of which has a pod that another one has."""
    if not settings.monitors:
        return []
    native = [model.name for model in stack.models if model.backend == "native"]
    by_llmaz = [model.name for model in stack.models if model.backend == "llmaz"]
    found = []
    if stack.gateway.kind == "envoy":
        selector: Manifest = {"matchLabels": gateway_selector(stack)}
        found.append(_monitor(stack, settings, f"{stack.envoy.name}-gateway", selector, "metrics", "/stats/prometheus"))
    if native:
        # By their names: a pod of llmaz may have the same labels. Workers of replicas that span nodes open no port.
        selector = {
            "matchLabels": MODEL_PODS,
            "matchExpressions": [{"key": "app.kubernetes.io/instance", "operator": "In", "values": native}],
        }
        found.append(_monitor(stack, settings, f"{owner(stack)}-models", selector, "http", "/metrics"))
    if by_llmaz:
        # llmaz gives a Playground's pods no labels but those of LeaderWorkerSet, and names the port of all `http`.
        selector = {
            "matchLabels": {WORKER_INDEX: "0"},
            "matchExpressions": [{"key": SET_NAME, "operator": "In", "values": by_llmaz}],
        }
        found.append(_monitor(stack, settings, f"{owner(stack)}-llmaz-models", selector, "http", "/metrics"))
    return found


def _monitor(
    stack: StackSettings, settings: ObservabilitySettings, name: str, selector: Manifest, port: str, path: str
) -> Manifest:
    return {
        "apiVersion": API,
        "kind": "PodMonitor",
        "metadata": metadata(name, stack.cluster.namespace, observability_labels(stack, settings)),
        "spec": {
            "selector": selector,
            "podMetricsEndpoints": [{"port": port, "path": path, "interval": f"{settings.interval_seconds}s"}],
        },
    }
