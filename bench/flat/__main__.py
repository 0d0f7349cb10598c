"""The Kubernetes resources of a platform, declared one by one with no components: what it is measured against.

``resources.json`` lists them as an update of the platform has left them in its state, in an order in
which each comes after what it depends on.
"""

import json
from pathlib import Path
from typing import Any

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apiextensions.v1 import CustomResourceDefinition
from pulumi_kubernetes.apps.v1 import DeploymentPatch, StatefulSet
from pulumi_kubernetes.core.v1 import ConfigMap, ConfigMapPatch, Namespace, Secret, Service
from pulumi_kubernetes.helm.v3 import Release
from pulumi_kubernetes.networking.v1 import Ingress, NetworkPolicy
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

TYPES: dict[str, type[pulumi.Resource]] = {
    "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition": CustomResourceDefinition,
    "kubernetes:apps/v1:DeploymentPatch": DeploymentPatch,
    "kubernetes:apps/v1:StatefulSet": StatefulSet,
    "kubernetes:core/v1:ConfigMap": ConfigMap,
    "kubernetes:core/v1:ConfigMapPatch": ConfigMapPatch,
    "kubernetes:core/v1:Namespace": Namespace,
    "kubernetes:core/v1:Secret": Secret,
    "kubernetes:core/v1:Service": Service,
    "kubernetes:helm.sh/v3:Release": Release,
    "kubernetes:networking.k8s.io/v1:Ingress": Ingress,
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": NetworkPolicy,
    "kubernetes:policy/v1:PodDisruptionBudget": PodDisruptionBudget,
}

declared: dict[str, pulumi.Resource] = {}


def declare(resource: dict[str, Any], provider: Provider) -> pulumi.Resource:
    """One resource, by the class that a person would write."""
    name, inputs = resource["name"], resource["inputs"]
    opts = pulumi.ResourceOptions(
        provider=provider,
        depends_on=[declared[urn] for urn in resource["dependencies"]],
        custom_timeouts=pulumi.CustomTimeouts(**resource["timeouts"]) if resource["timeouts"] else None,
        retain_on_delete=resource["retain"],
    )
    if resource["type"] in TYPES:
        fields = {key: value for key, value in inputs.items() if key not in ("apiVersion", "kind")}
        return TYPES[resource["type"]](name, opts=opts, **{_snake(key): value for key, value in fields.items()})
    metadata, spec = inputs["metadata"], inputs["spec"]
    return CustomResource(name, inputs["apiVersion"], inputs["kind"], metadata=metadata, spec=spec, opts=opts)


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)


given = json.loads(Path("resources.json").read_text())
cluster = Provider("cluster", **given["provider"])
for resource in given["resources"]:
    declared[resource["urn"]] = declare(resource, cluster)
