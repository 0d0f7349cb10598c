"""APIs, annotations and labels that Kubernetes gives up."""

from collections.abc import Iterator
from dataclasses import dataclass

from policies.pack.kubernetes.pods import pods
from policies.pack.resource import Resource
from policies.pack.rule import Problem, Rule, View, each
from policies.pack.values import mapping


@dataclass(frozen=True)
class Api:
    """A version of an API."""

    removed: str | None
    """The release of Kubernetes that has it no more. None: it is deprecated only."""
    instead: str
    """What to write."""


def _until(release: str, instead: str, *kinds: str) -> dict[str, Api]:
    return dict.fromkeys(kinds, Api(release, instead))


APIS: dict[str, dict[str, Api]] = {
    "extensions/v1beta1": {
        **_until("1.16", "apps/v1", "Deployment", "DaemonSet", "ReplicaSet"),
        **_until("1.16", "networking.k8s.io/v1", "NetworkPolicy"),
        **_until("1.22", "networking.k8s.io/v1", "Ingress"),
    },
    "apps/v1beta1": _until("1.16", "apps/v1", "Deployment", "StatefulSet", "ReplicaSet"),
    "apps/v1beta2": _until("1.16", "apps/v1", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"),
    "networking.k8s.io/v1beta1": _until("1.22", "networking.k8s.io/v1", "Ingress", "IngressClass"),
    "apiextensions.k8s.io/v1beta1": _until("1.22", "apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    "rbac.authorization.k8s.io/v1beta1": _until(
        "1.22", "rbac.authorization.k8s.io/v1", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"
    ),
    "admissionregistration.k8s.io/v1beta1": _until(
        "1.22",
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
    ),
    "coordination.k8s.io/v1beta1": _until("1.22", "coordination.k8s.io/v1", "Lease"),
    "scheduling.k8s.io/v1beta1": _until("1.22", "scheduling.k8s.io/v1", "PriorityClass"),
    "storage.k8s.io/v1beta1": {
        **_until("1.22", "storage.k8s.io/v1", "CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"),
        **_until("1.27", "storage.k8s.io/v1", "CSIStorageCapacity"),
    },
    "batch/v1beta1": _until("1.25", "batch/v1", "CronJob"),
    "discovery.k8s.io/v1beta1": _until("1.25", "discovery.k8s.io/v1", "EndpointSlice"),
    "policy/v1beta1": {
        **_until("1.25", "policy/v1", "PodDisruptionBudget"),
        **_until("1.25", "the labels pod-security.kubernetes.io/enforce of namespaces", "PodSecurityPolicy"),
    },
    "node.k8s.io/v1beta1": _until("1.25", "node.k8s.io/v1", "RuntimeClass"),
    "autoscaling/v2beta1": _until("1.25", "autoscaling/v2", "HorizontalPodAutoscaler"),
    "autoscaling/v2beta2": _until("1.26", "autoscaling/v2", "HorizontalPodAutoscaler"),
    "flowcontrol.apiserver.k8s.io/v1beta1": _until(
        "1.26", "flowcontrol.apiserver.k8s.io/v1", "FlowSchema", "PriorityLevelConfiguration"
    ),
    "flowcontrol.apiserver.k8s.io/v1beta2": _until(
        "1.29", "flowcontrol.apiserver.k8s.io/v1", "FlowSchema", "PriorityLevelConfiguration"
    ),
    "flowcontrol.apiserver.k8s.io/v1beta3": _until(
        "1.32", "flowcontrol.apiserver.k8s.io/v1", "FlowSchema", "PriorityLevelConfiguration"
    ),
    "v1": {
        "Endpoints": Api(None, "discovery.k8s.io/v1 EndpointSlice"),
        "ComponentStatus": Api(None, "the metrics of the control plane"),
        "PodSecurityPolicy": Api("1.25", "the labels pod-security.kubernetes.io/enforce of namespaces"),
    },
}
"""What the deprecation guide of Kubernetes lists, by version and kind."""

KEYS = {
    "kubernetes.io/ingress.class": "spec.ingressClassName",
    "volume.beta.kubernetes.io/storage-class": "spec.storageClassName",
    "seccomp.security.alpha.kubernetes.io/pod": "securityContext.seccompProfile",
    "scheduler.alpha.kubernetes.io/critical-pod": "priorityClassName",
    "service.alpha.kubernetes.io/tolerate-unready-endpoints": "spec.publishNotReadyAddresses",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "node-role.kubernetes.io/master": "node-role.kubernetes.io/control-plane",
}
"""Labels and annotations that have another form by now."""


def _apis(view: View) -> Iterator[Problem]:
    yield from each(view.resources, _version)
    yield from each(view.resources, _keys)


def _version(resource: Resource) -> Iterator[Problem]:
    api = APIS.get(resource.api_version, {}).get(resource.kind)
    if api:
        end = f"is gone since Kubernetes {api.removed}" if api.removed else "is deprecated"
        yield Problem(resource, f"{resource.api_version} {resource.kind} {end}", f"write {api.instead}")


def _keys(resource: Resource) -> Iterator[Problem]:
    found = {*resource.annotations, *resource.labels}
    for pod in pods(View([resource])):
        found |= {*mapping(pod.metadata, "annotations"), *mapping(pod.spec, "nodeSelector")}
    for key in sorted(found & KEYS.keys()):
        yield Problem(resource, f"it says {key}", f"write {KEYS[key]}")


RULES = (
    Rule(
        id="deprecated-apis",
        what="No object uses an API, an annotation or a label that Kubernetes has given up.",
        why="so the next version of the cluster refuses it, or passes over it without a word",
        instead="write what took its place",
        severity="medium",
        scope="resource",
        check=_apis,
        elsewhere="advisory",
    ),
)
