"""Who may reach the models' pods, whichever gateway stands in front of them."""

from collections.abc import Iterator

from components.manifests import objects
from components.manifests.multi_node.names import SET_NAME
from components.manifests.objects import MODEL_PODS, Manifest
from components.manifests.workload_pod import PORT, labels_of, selector_of
from stacks.parallelism import spanning_models
from stacks.settings import ModelSettings, StackSettings

PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}
"""The label that a Prometheus has from its operator and from its own chart."""


def model_policies(stack: StackSettings, gateway: list[Manifest]) -> Iterator[Manifest]:
    """The policies of the models' pods.

    They let in the gateway, pods of the models' own namespace and any Prometheus, all on the port of the API, which
    the metrics share. vLLM knows no caller, so whoever reaches it may use it. The pods of a replica that spans nodes
    reach each other besides, on all ports, since vLLM and NCCL choose some.

    They count where the cluster's network enforces them. A port forward and the kubelet's probes come from the node,
    and nodes are let in by all networks.

    Args:
        stack: the stack.
        gateway: the gateway's pods, as peers of a policy, where they are in another namespace.
    """
    yield _models_policy(stack, gateway, "models", {"matchLabels": MODEL_PODS})
    # The operator makes their pods, with labels of its own, and a policy has one selector.
    if on_llmaz := [model.name for model in stack.models if model.backend == "llmaz"]:
        chosen = {"key": SET_NAME, "operator": "In", "values": on_llmaz}
        yield _models_policy(stack, gateway, "models-on-llmaz", {"matchExpressions": [chosen]})
    yield from (_nodes_policy(stack, model) for model in spanning_models(stack))


def let_in(peers: list[Manifest], port: int) -> Manifest:
    """A policy's rule that lets these peers reach a port."""
    return {"from": peers, "ports": [{"protocol": "TCP", "port": port}]}


def _models_policy(stack: StackSettings, gateway: list[Manifest], name: str, pods: Manifest) -> Manifest:
    namespace = stack.cluster.namespace
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": objects.metadata(name, namespace, objects.labels("vllm", name, "model-service")),
        "spec": {
            "podSelector": pods,
            "policyTypes": ["Ingress"],
            "ingress": [
                let_in([*gateway, {"podSelector": {}}], PORT),
                let_in([{"namespaceSelector": {}, "podSelector": {"matchLabels": PROMETHEUS}}], PORT),
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
