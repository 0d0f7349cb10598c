"""The cluster that everything of a stack is put on."""

import pulumi
from pulumi_kubernetes import Provider

from stacks.settings import ClusterSettings


def provider(name: str, cluster: ClusterSettings, opts: pulumi.ResourceOptions) -> Provider:
    """Pulumi's provider for a stack's cluster."""
    return Provider(
        name,
        kubeconfig=_kubeconfig(cluster),
        context=cluster.context,
        enable_server_side_apply=True,
        # Replacing the ConfigMap of the gateway would take its routes away for a moment.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        opts=opts,
    )


def _kubeconfig(cluster: ClusterSettings) -> pulumi.Input[str] | None:
    if cluster.kubeconfig_path is None and cluster.kubeconfig_contents is not None:
        return pulumi.Output.secret(cluster.kubeconfig_contents.get_secret_value())
    return cluster.kubeconfig_path
