"""The gateway made of stock Envoy."""

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, Secret, Service
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.manifests import envoy_gateway as manifests
from stacks.settings import StackSettings

START_SECONDS = 600
"""What a gateway pod may take from its creation until it is ready, with the pull of its image."""


class EnvoyGateway(pulumi.ComponentResource):
    """Envoy as a Deployment, its models and routes in a ConfigMap that it watches.

    It takes the whole stack, since every model and every route is its configuration. It waits for
    no model: a route to one that still loads answers by its fallback.
    """

    base_url: pulumi.Output[str]
    """URL that clients use, ending in ``/v1``."""
    ready: pulumi.Output[bool]
    """True, and known only once it has been told of all models and routes, and its pods are ready."""
    console_url: pulumi.Output[str] | None = None
    """It has no console."""
    console_password: pulumi.Output[str] | None = None
    """It has no console."""
    dashboards_url: pulumi.Output[str] | None = None
    """It brings none."""

    def __init__(self, name: str, stack: StackSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("modelyard:index:EnvoyGateway", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)

        routes = manifests.gateway_config_map(stack)
        config_map = ConfigMap(f"{name}-routes", metadata=routes["metadata"], data=routes["data"], opts=child)
        bootstrap = manifests.gateway_secret(stack)
        secret = Secret(
            f"{name}-bootstrap",
            metadata=bootstrap["metadata"],
            type=bootstrap["type"],
            data=pulumi.Output.secret(bootstrap["data"]),
            opts=child,
        )
        deployment = manifests.gateway_deployment(stack)
        pods = Deployment(
            f"{name}-deployment",
            metadata=deployment["metadata"],
            spec=deployment["spec"],
            opts=pulumi.ResourceOptions(
                parent=self,
                # A pod reads its bootstrap once, at its start, so the new one must be there first.
                depends_on=[config_map, secret],
                custom_timeouts=_timeouts(stack),
            ),
        )
        service = manifests.gateway_service(stack)
        reached = Service(f"{name}-service", metadata=service["metadata"], spec=service["spec"], opts=child)
        if budget := manifests.gateway_pod_disruption_budget(stack):
            PodDisruptionBudget(f"{name}-budget", metadata=budget["metadata"], spec=budget["spec"], opts=child)
        for policy in manifests.gateway_network_policies(stack):
            metadata = policy["metadata"]
            NetworkPolicy(f"{name}-{metadata['name']}-policy", metadata=metadata, spec=policy["spec"], opts=child)

        self.ready = pulumi.Output.all(config_map.id, pods.id, reached.id).apply(lambda _: True)
        self.base_url = pulumi.Output.from_input(manifests.gateway_base_url(stack))
        self.register_outputs({"baseUrl": self.base_url})


def _timeouts(stack: StackSettings) -> pulumi.CustomTimeouts:
    rollout = START_SECONDS * stack.envoy.replicas
    return pulumi.CustomTimeouts(
        create=f"{rollout}s",
        update=f"{rollout}s",
        delete=f"{START_SECONDS + stack.envoy.drain_seconds}s",
    )
