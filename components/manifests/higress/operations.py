"""What the chart lacks for running Higress: budgets for drained nodes, time to drain, and who may reach whom."""

from collections.abc import Iterator

from components.manifests import objects
from components.manifests.higress import names
from components.manifests.higress.addresses import CONSOLE, CONSOLE_PORT, REDIS, REDIS_PORT
from components.manifests.higress.chart import CONTROLLER_LABELS, RELEASE, gateway_labels, uses_chart_redis
from components.manifests.multi_node.names import SET_NAME
from components.manifests.objects import MODEL_PODS, Manifest
from components.manifests.workload_pod import labels_of, selector_of
from stacks.parallelism import spanning_models
from stacks.settings import ModelSettings, StackSettings

CONTROLLER = "higress-controller"
"""Deployment of the controller."""

PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}
"""The label that a Prometheus has from its operator and from its own chart."""


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

    They count where the cluster's network enforces them. A port forward and the kubelet's probes
    come from the node, and nodes are let in by all networks.

    - Models: the gateway, pods of the models' own namespace, and any Prometheus, all on the port of
      the API, which the metrics share. vLLM knows no caller, so whoever reaches it may use it.
    - Models whose replicas span nodes: their own pods besides, on all ports, since vLLM and NCCL choose some.
    - The console, which makes and reads API keys: the gateway only.
    - The chart's Redis, which has no password, and prompts in it where answers are cached: the
      gateway only. A password would be a value of the chart, which writes it into a ConfigMap.
    """
    if not stack.higress.network_policy:
        return []
    found = [*_models_policies(stack), _console_policy(stack)]
    return [*found, _redis_policy(stack)] if uses_chart_redis(stack) else found


def _models_policies(stack: StackSettings) -> Iterator[Manifest]:
    yield _models_policy(stack, "models", {"matchLabels": MODEL_PODS})
    # The operator makes their pods, with labels of its own, and a policy has one selector.
    if on_llmaz := [model.name for model in stack.models if model.backend == "llmaz"]:
        chosen = {"key": SET_NAME, "operator": "In", "values": on_llmaz}
        yield _models_policy(stack, "models-on-llmaz", {"matchExpressions": [chosen]})
    yield from (_nodes_policy(stack, model) for model in spanning_models(stack))


def _models_policy(stack: StackSettings, name: str, pods: Manifest) -> Manifest:
    namespace = stack.cluster.namespace
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": objects.metadata(name, namespace, objects.labels("vllm", name, "model-service")),
        "spec": {
            "podSelector": pods,
            "policyTypes": ["Ingress"],
            "ingress": [
                _from([_gateway_pods(stack), {"podSelector": {}}], names.MODEL_PORT),
                _from([{"namespaceSelector": {}, "podSelector": {"matchLabels": PROMETHEUS}}], names.MODEL_PORT),
            ],
        },
    }


def _nodes_policy(stack: StackSettings, model: ModelSettings) -> Manifest:
    pods = {"podSelector": {"matchLabels": selector_of(model)}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": objects.metadata(f"{model.name}-nodes", stack.cluster.namespace, labels_of(model)),
        "spec": {**pods, "policyTypes": ["Ingress"], "ingress": [{"from": [pods]}]},
    }


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
            "ingress": [_from([_gateway_pods(stack)], port)],
        },
    }


def _gateway_pods(stack: StackSettings) -> Manifest:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stack.higress.namespace}},
        "podSelector": {"matchLabels": gateway_labels(stack)},
    }


def _from(peers: list[Manifest], port: int) -> Manifest:
    return {"from": peers, "ports": [{"protocol": "TCP", "port": port}]}


def _budget(stack: StackSettings, name: str, pods: dict[str, str]) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": objects.metadata(name, stack.higress.namespace, objects.labels("higress", name, "gateway")),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": pods}},
    }
