"""Kubernetes objects out of plain manifests, each as the resource of its kind."""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap, Secret
from pulumi_kubernetes.networking.v1 import Ingress

from components.manifests.objects import Manifest


def create(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """The resource of a manifest. Whatever has no type of its own here is a custom resource."""
    metadata = manifest["metadata"]
    match manifest["kind"]:
        case "ConfigMap":
            return ConfigMap(name, metadata=metadata, data=manifest["data"], opts=opts)
        case "Secret":
            data: pulumi.Output[Mapping[str, str]] = pulumi.Output.secret(manifest["data"])
            return Secret(name, metadata=metadata, type=manifest["type"], data=data, opts=opts)
        case "Ingress":
            return Ingress(name, metadata=metadata, spec=manifest["spec"], opts=opts)
        case _:
            return custom_resource(name, manifest, opts)


def custom_resource(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> CustomResource:
    """The custom resource of a manifest. Its definition must be in the cluster when it is made."""
    return CustomResource(
        name,
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        metadata=manifest["metadata"],
        spec=manifest["spec"],
        opts=opts,
    )
