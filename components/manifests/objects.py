"""What Kubernetes objects have in common: labels, metadata, and the security context of pods."""

from typing import Any, Literal

Manifest = dict[str, Any]
"""A Kubernetes object, or a part of one, as plain data."""

USER = 1000
"""The user that containers run as. Any but root will do."""

MODEL_PODS = {"app.kubernetes.io/part-of": "modelyard", "app.kubernetes.io/component": "model-service"}
"""The labels of the models' pods that the program describes itself."""


def selector(name: str, instance: str) -> dict[str, str]:
    """The labels that tell one workload's pods from all others. They can't change while it lives."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": instance}


def labels(name: str, instance: str, component: str) -> dict[str, str]:
    """The labels that Kubernetes recommends for every object of an application.

    Args:
        name: what runs, such as ``vllm``.
        instance: which one of them, such as the model's name.
        component: the part it plays in the platform.
    """
    return {
        **selector(name, instance),
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "modelyard",
        "app.kubernetes.io/managed-by": "pulumi",
    }


def metadata(name: str, namespace: str, own_labels: dict[str, str]) -> Manifest:
    """The metadata of a namespaced object."""
    return {"name": name, "namespace": namespace, "labels": own_labels}


def namespace(name: str, pod_security: Literal["privileged", "baseline"]) -> Manifest:
    """A namespace, and the Pod Security standard that its pods have to keep to."""
    modes = ("enforce", "audit", "warn")
    own_labels = {f"pod-security.kubernetes.io/{mode}": pod_security for mode in modes}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": own_labels}}


def pod_security_context(*, writes_claims: bool = False) -> Manifest:
    """A pod's security context that Pod Security ``restricted`` lets pass.

    Args:
        writes_claims: whether Kubernetes is to let its user write to its claims, which belong to root otherwise.
    """
    context: Manifest = {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if writes_claims:
        # Only where the root of the volume is another group's: a look at every file would take minutes.
        context |= {"fsGroup": USER, "fsGroupChangePolicy": "OnRootMismatch"}
    return context


def container_security_context() -> Manifest:
    """A container's security context that Pod Security ``restricted`` lets pass, on a read-only root."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def bin_packing(pods: dict[str, str]) -> Manifest:
    """A pod's wish to be on the node with the most pods of these labels, as a ``podAffinity``."""
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": pods}}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}


def topology_spread(pods: dict[str, str]) -> list[Manifest]:
    """A pod's wish to be on another node and in another zone than the others of these labels."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": pods},
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]
