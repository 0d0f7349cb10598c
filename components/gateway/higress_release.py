"""Higress itself: its Helm release, and what has to stand around it."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import DeploymentPatch
from pulumi_kubernetes.core.v1 import ConfigMapPatch, Secret, Service
from pulumi_kubernetes.core.v1.outputs import ServiceStatus
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget
from pulumi_random import RandomPassword

from components.gateway.higress_definitions import make_definitions, make_namespace
from components.manifests.higress import addresses, chart, console_secret, names, operations
from components.manifests.higress.higress_config import higress_config_patch
from stacks.settings import StackSettings

START_SECONDS = 900
"""What the chart's pods may take from their creation until they are ready, with the pull of their images."""


class HigressRelease(pulumi.ComponentResource):
    """Higress by Helm.

    Custom resource definitions come before the release and outlive it, so that no custom resource
    of others goes with them. Whatever the chart writes only once, or has no value for, is applied
    after the release.
    """

    ready: list[pulumi.Resource]
    """What has to be there before a custom resource or a route is made."""
    base_url: pulumi.Output[str]
    """URL that clients use, ending in ``/v1``."""
    cluster_url: pulumi.Output[str]
    """URL of the gateway for pods of the cluster, ending in ``/v1``."""
    console_url: pulumi.Output[str]
    """URL of the console."""
    console_password: pulumi.Output[str]
    """Password of the console's administrator, a secret."""
    dashboards_url: pulumi.Output[str] | None
    """URL of the chart's Grafana inside the cluster, or None where it isn't installed."""

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:HigressRelease", name, {}, opts)
        namespaces = make_namespace(name, stack, self)
        definitions = make_definitions(name, stack, self)
        self.console_password = self._password(name, stack)
        secret = self._console_secret(name, stack, namespaces)
        release = self._release(name, stack, [*namespaces, *definitions, secret])
        self._after(name, stack, release)
        self._policies(name, stack, namespaces)

        self.ready = [*definitions, release]
        self.base_url = self._base_url(name, stack, release)
        self.cluster_url = pulumi.Output.from_input(addresses.cluster_url(stack))
        self.console_url = pulumi.Output.from_input(addresses.console_url(stack))
        dashboards = addresses.dashboards_url(stack)
        self.dashboards_url = pulumi.Output.from_input(dashboards) if dashboards else None
        self.register_outputs({"baseUrl": self.base_url, "consoleUrl": self.console_url})

    def _password(self, name: str, stack: StackSettings) -> pulumi.Output[str]:
        given = stack.higress.console.admin_password
        if given:
            return pulumi.Output.secret(given.get_secret_value())
        return self._random(f"{name}-console-password", console_secret.PASSWORD_LENGTH)

    def _console_secret(self, name: str, stack: StackSettings, after: list[pulumi.Resource]) -> Secret:
        key = self._random(f"{name}-console-key", console_secret.KEY_LENGTH)
        iv = self._random(f"{name}-console-iv", console_secret.IV_LENGTH)
        # What is made of secrets is one itself.
        data: pulumi.Output[Mapping[str, str]] = pulumi.Output.all(self.console_password, key, iv).apply(
            lambda known: console_secret.console_secret_data(stack, *known)
        )
        metadata: Any = console_secret.console_secret_metadata(stack)
        opts = self._child(depends_on=after)
        return Secret(f"{name}-console", metadata=metadata, type="Opaque", data=data, opts=opts)

    def _release(self, name: str, stack: StackSettings, after: list[pulumi.Resource]) -> Release:
        source = chart.chart_source(stack)
        return Release(
            f"{name}-chart",
            name=chart.RELEASE,
            namespace=stack.higress.namespace,
            chart=source.chart,
            version=source.version,
            repository_opts=RepositoryOptsArgs(repo=source.repository) if source.repository else None,
            values=chart.chart_values(stack),
            skip_crds=stack.higress.manage_crds,
            timeout=_timeout_seconds(stack),
            # A release that failed stays, for its pods say why, and the next update goes on from it.
            atomic=False,
            cleanup_on_fail=True,
            opts=self._child(depends_on=after),
        )

    def _base_url(self, name: str, stack: StackSettings, release: Release) -> pulumi.Output[str]:
        if given := addresses.given_url(stack):
            return pulumi.Output.from_input(given)
        if stack.higress.service.type != "LoadBalancer" or stack.higress.host_network:
            return pulumi.Output.from_input(addresses.cluster_url(stack))
        # Its address is known once the chart has made it.
        namespace = stack.higress.namespace
        identifier = release.status.apply(lambda _: f"{namespace}/{names.GATEWAY}")
        service = Service.get(
            f"{name}-service", identifier, opts=self._child(transformations=[_as_refreshed(namespace, names.GATEWAY)])
        )
        return service.status.apply(lambda status: addresses.balanced_url(stack, _balancers(status)))

    def _after(self, name: str, stack: StackSettings, release: Release) -> None:
        # They go with the release, which owns the objects.
        timeouts = pulumi.CustomTimeouts(create=f"{_timeout_seconds(stack)}s", update=f"{_timeout_seconds(stack)}s")
        opts = self._child(depends_on=[release], retain_on_delete=True, custom_timeouts=timeouts)
        config = higress_config_patch(stack)
        ConfigMapPatch(f"{name}-config", metadata=config["metadata"], data=config["data"], opts=opts)
        drain = operations.drain_patch(stack)
        DeploymentPatch(f"{name}-drain", metadata=drain["metadata"], spec=drain["spec"], opts=opts)

    def _policies(self, name: str, stack: StackSettings, after: list[pulumi.Resource]) -> None:
        opts = self._child(depends_on=after)
        for budget in operations.pod_disruption_budgets(stack):
            metadata = budget["metadata"]
            PodDisruptionBudget(f"{name}-{metadata['name']}-budget", metadata=metadata, spec=budget["spec"], opts=opts)
        for policy in operations.network_policies(stack):
            metadata = policy["metadata"]
            NetworkPolicy(f"{name}-{metadata['name']}-policy", metadata=metadata, spec=policy["spec"], opts=opts)

    def _random(self, name: str, length: int) -> pulumi.Output[str]:
        # Letters and digits: the console's Basic authentication cuts a password at a colon.
        return RandomPassword(name, length=length, special=False, opts=self._child()).result

    def _child(self, **options: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, **options)


def _as_refreshed(namespace: str, name: str) -> pulumi.ResourceTransformation:
    """Gives a Service that is read the inputs that a refresh finds, which would else call them a change."""
    found = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}}
    return lambda args: pulumi.ResourceTransformationResult({**args.props, **found}, args.opts)


def _balancers(status: ServiceStatus | None) -> list[tuple[str | None, str | None]]:
    ingress = status.load_balancer.ingress if status and status.load_balancer else None
    return [(one.hostname, one.ip) for one in ingress or ()]


def _timeout_seconds(stack: StackSettings) -> int:
    gateway = stack.higress
    if not gateway.host_network:
        return START_SECONDS
    # On their nodes' network a new pod may have to wait until the old one has drained, one after the other.
    most = gateway.autoscaling.max_replicas if gateway.autoscaling else gateway.replicas
    return most * (START_SECONDS + gateway.drain_seconds)
