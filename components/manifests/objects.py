"""What Kubernetes objects have in common: labels, metadata, and the security context of pods."""

from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object, or a part of one, as plain data."""

USER = 1000
"""The user that containers run as. Any but root will do."""


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


def pod_security_context() -> Manifest:
    """A pod's security context that Pod Security ``restricted`` lets pass."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security_context() -> Manifest:
    """A container's security context that Pod Security ``restricted`` lets pass, on a read-only root."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
