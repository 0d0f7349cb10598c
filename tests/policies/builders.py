"""Resources as the engine shows them, and what the rules say of them."""

import copy
import datetime
from typing import Any

from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from policies.pack.catalogue import RULES
from policies.pack.judge import findings
from policies.pack.resource import RELEASE, SECRET, SIGNATURE, STACK, Resource, resource
from policies.pack.rule import Rule, View

UNKNOWN = UNKNOWN_STRING_VALUE
"""A value that is not known during the preview."""
TODAY = datetime.date(2026, 6, 1)

BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}

TOKENS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "Service": "core/v1",
    "ConfigMap": "core/v1",
    "Secret": "core/v1",
    "Namespace": "core/v1",
    "Pod": "core/v1",
    "Ingress": "networking.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "ScaledObject": "keda.sh/v1alpha1",
    "McpBridge": "networking.higress.io/v1",
    "WasmPlugin": "extensions.higress.io/v1alpha1",
    "LeaderWorkerSet": "leaderworkerset.x-k8s.io/v1",
    "Playground": "inference.llmaz.io/v1alpha1",
    "OpenModel": "llmaz.io/v1alpha1",
    "BackendRuntime": "inference.llmaz.io/v1alpha1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "SecurityPolicy": "gateway.envoyproxy.io/v1alpha1",
    "KongPlugin": "configuration.konghq.com/v1",
    "Middleware": "traefik.io/v1alpha1",
    "Gateway": "gateway.networking.k8s.io/v1",
}

LABELS = {
    "app.kubernetes.io/name": "vllm",
    "app.kubernetes.io/instance": "qwen",
    "app.kubernetes.io/part-of": "team",
}


def merged(base: Any, change: Any) -> Any:
    """A mapping laid over another; a value None takes a key away."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return copy.deepcopy(change)
    found = copy.deepcopy(base)
    for key, value in change.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def obj(kind: str, name: str, api: str | None = None, namespace: str = "models", **props: Any) -> Resource:
    """A Kubernetes object."""
    token = api or TOKENS[kind]
    metadata = {"name": name, "namespace": namespace, **props.pop("metadata", {})}
    wire = {"apiVersion": token.removeprefix("core/"), "kind": kind, "metadata": metadata, **props}
    return resource(f"urn:{kind}:{namespace}/{name}", f"kubernetes:{token}:{kind}", name, wire)


def release(**props: Any) -> Resource:
    """A Helm release."""
    return resource("urn:release", RELEASE, "chart", props)


def outputs(**values: Any) -> Resource:
    """The stack, with its outputs."""
    return resource("urn:stack", STACK, "modelyard-dev", values)


def secret(value: Any) -> dict[str, Any]:
    """A value that is marked as a secret."""
    return {SIGNATURE: SECRET, "value": value}


CONTAINER: dict[str, Any] = {
    "name": "vllm",
    "image": "docker.io/vllm/vllm-openai:v0.32.0",
    "args": ["--model", "Qwen/Qwen2.5-1.5B-Instruct", "--shutdown-timeout", "60"],
    "ports": [{"name": "http", "containerPort": 8080}],
    "resources": {"requests": {"cpu": "4", "memory": "16Gi"}, "limits": {"memory": "16Gi", "nvidia.com/gpu": "1"}},
    "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}},
    "livenessProbe": {"httpGet": {"path": "/health", "port": "http"}},
    "startupProbe": {"httpGet": {"path": "/health", "port": "http"}, "failureThreshold": 900},
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
POD: dict[str, Any] = {
    "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "terminationGracePeriodSeconds": 90,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
}


def model(
    name: str = "qwen",
    *,
    container: dict[str, Any] | None = None,
    pod: dict[str, Any] | None = None,
    kind: str = "StatefulSet",
    annotations: dict[str, Any] | None = None,
    labels: dict[str, Any] | None = None,
    **spec: Any,
) -> Resource:
    """A model that somebody has written by hand, with nothing wrong but what is laid over it."""
    own = merged(LABELS, {"app.kubernetes.io/instance": name, **(labels or {})})
    template = {
        "metadata": {"labels": own},
        "spec": {**merged(POD, pod or {}), "containers": [merged(CONTAINER, container or {})]},
    }
    metadata = {"labels": own, "annotations": annotations or {}}
    return obj(kind, name, metadata=metadata, spec={"replicas": 1, "template": template, **spec})


def lone(kind: str = "Pod", *, container: dict[str, Any] | None = None, **pod: Any) -> Resource:
    """A model in a pod of nobody's, or in the pods of a job."""
    spec = {**merged(POD, pod), "containers": [merged(CONTAINER, container or {})]}
    if kind == "Pod":
        return obj("Pod", "qwen", metadata={"labels": LABELS}, spec=spec)
    job = {"spec": {"template": {"metadata": {"labels": LABELS}, "spec": spec}}}
    return obj(kind, "qwen", **job if kind == "Job" else {"spec": {"jobTemplate": job}})


def service(name: str = "qwen", **changes: Any) -> Resource:
    """The Service of a model."""
    selector = {"app.kubernetes.io/name": "vllm", "app.kubernetes.io/instance": name}
    base: dict[str, Any] = {"selector": selector, "ports": [{"port": 8080, "targetPort": "http"}]}
    annotations = changes.pop("annotations", {})
    metadata = {"labels": merged(LABELS, {"app.kubernetes.io/instance": name}), "annotations": annotations}
    return obj("Service", name, metadata=metadata, spec=merged(base, changes))


def say(rule: str, *resources: Resource, production: bool = True, **parameters: Any) -> list[str]:
    """The sentences of a rule about resources, each alone where it is a rule of single resources."""
    found = BY_ID[rule]
    known = {**found.defaults, **parameters}
    views = [resources] if found.scope == "stack" else [(each,) for each in resources]
    return [each.message for view in views for each in findings(found, View(view, production, known, TODAY))]
