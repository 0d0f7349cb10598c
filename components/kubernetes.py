"""The cluster that everything of a stack is put on."""

import pulumi
from pulumi_kubernetes import Provider

from stacks.settings import ClusterSettings


def provider_of(component: pulumi.ComponentResource, name: str, cluster: ClusterSettings) -> pulumi.ProviderResource:
    """The provider of the cluster that a component is put on: the one that it was given, or one of its own.

    Args:
        component: the component.
        name: the name of its own.
        cluster: what the stack says of the cluster.
    """
    return component.get_provider("kubernetes:index:Provider") or Provider(
        name,
        kubeconfig=_kubeconfig(cluster),
        context=cluster.context,
        enable_server_side_apply=True,
        # Replacing the ConfigMap of the gateway would take its routes away for a moment.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        opts=pulumi.ResourceOptions(parent=component),
    )


def _kubeconfig(cluster: ClusterSettings) -> pulumi.Input[str] | None:
    if cluster.kubeconfig_path is None and cluster.kubeconfig_contents is not None:
        return pulumi.Output.secret(cluster.kubeconfig_contents.get_secret_value())
    return cluster.kubeconfig_path
