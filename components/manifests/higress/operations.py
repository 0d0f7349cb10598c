"""What the chart lacks for running Higress: budgets for drained nodes, time to drain, and who may reach whom."""

from components.manifests import objects
from components.manifests.higress import names
from components.manifests.higress.addresses import CONSOLE, CONSOLE_PORT, REDIS, REDIS_PORT
from components.manifests.higress.chart import CONTROLLER_LABELS, RELEASE, gateway_labels, uses_chart_redis
from components.manifests.network_policies import let_in, model_policies
from components.manifests.objects import Manifest
from stacks.settings import StackSettings

CONTROLLER = "higress-controller"
"""Deployment of the controller."""


def pod_disruption_budgets(stack: StackSettings) -> list[Manifest]:
    """The budgets that let a drained node take one pod at a time.

    A single pod has none: it would only keep its node from being drained. The console is a single
    one, and no request goes through it.
    """
    gateway = stack.higress
    most_gateways = gateway.autoscaling.max_replicas if gateway.autoscaling else gateway.replicas
    found = []
    if most_gateways > 1:
        found.append(_budget(stack, names.GATEWAY, gateway_labels(stack)))
    if gateway.controller.replicas > 1:
        found.append(_budget(stack, CONTROLLER, CONTROLLER_LABELS))
    return found


def drain_patch(stack: StackSettings) -> Manifest:
    """The time that a gateway pod gets for its running requests: a field that no value of the chart reaches.

    Helm's upgrades leave it as it is, since it is in none of the chart's manifests.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": names.GATEWAY,
            "namespace": stack.higress.namespace,
            # Whoever makes a Deployment counts as the one who chose its defaults, too.
            "annotations": {**names.TAKE_BACK},
        },
        "spec": {"template": {"spec": {"terminationGracePeriodSeconds": stack.higress.drain_seconds}}},
    }


def network_policies(stack: StackSettings) -> list[Manifest]:
    """Who may reach models, console and Redis, or no policy where the stack wants none.

    - Models: the gateway, and whom ``model_policies`` lets in besides.
    - The console, which makes and reads API keys: the gateway only.
    - The chart's Redis, which has no password, and prompts in it where answers are cached: the
      gateway only. A password would be a value of the chart, which writes it into a ConfigMap.
    """
    if not stack.higress.network_policy:
        return []
    found = [*model_policies(stack, [_gateway_pods(stack)]), _console_policy(stack)]
    return [*found, _redis_policy(stack)] if uses_chart_redis(stack) else found


def _console_policy(stack: StackSettings) -> Manifest:
    pods = {"app.kubernetes.io/name": CONSOLE, "app.kubernetes.io/instance": RELEASE}
    return _policy(stack, CONSOLE, pods, CONSOLE_PORT)


def _redis_policy(stack: StackSettings) -> Manifest:
    pods = {"app.kubernetes.io/name": REDIS, "app.kubernetes.io/instance": RELEASE}
    return _policy(stack, REDIS, pods, REDIS_PORT)


def _policy(stack: StackSettings, name: str, pods: dict[str, str], port: int) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": objects.metadata(name, stack.higress.namespace, objects.labels("higress", name, "gateway")),
        "spec": {
            "podSelector": {"matchLabels": pods},
            "policyTypes": ["Ingress"],
            "ingress": [let_in([_gateway_pods(stack)], port)],
        },
    }


def _gateway_pods(stack: StackSettings) -> Manifest:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stack.higress.namespace}},
        "podSelector": {"matchLabels": gateway_labels(stack)},
    }


def _budget(stack: StackSettings, name: str, pods: dict[str, str]) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": objects.metadata(name, stack.higress.namespace, objects.labels("higress", name, "gateway")),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": pods}},
    }
