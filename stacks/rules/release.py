"""Rules about Higress's release: its namespace, its pods, its Service, its traces."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import GatewayRule, camel, of_higress

if TYPE_CHECKING:
    from stacks.settings import HigressGatewaySettings, StackSettings

IN_CLUSTER = (".svc.cluster.local", ".dns", ".static")
"""How hosts end that Envoy knows: Services, and entries of the McpBridge."""


def _namespace(stack: "StackSettings") -> Iterator[str]:
    gateway, models = stack.gateway, stack.cluster.namespace
    if gateway.kind == "higress" and gateway.create_namespace and gateway.namespace == models:
        yield (
            f"modelyard:gateway.namespace: {models!r} is the models' namespace, too, which has to exist, and it would "
            "be deleted with the gateway: write createNamespace: false, or another namespace"
        )


def _tls(gateway: "HigressGatewaySettings") -> Iterator[str]:
    if gateway.tls and not gateway.domain:
        yield (
            f"modelyard:gateway.tls.secretName: {gateway.tls.secret_name!r} without a domain, and a certificate is "
            "chosen by the domain that is asked for: write modelyard:gateway.domain"
        )


def _autoscaling(gateway: "HigressGatewaySettings") -> Iterator[str]:
    scaling = gateway.autoscaling
    if scaling is None:
        return
    if scaling.min_replicas >= scaling.max_replicas:
        yield (
            f"modelyard:gateway.autoscaling.minReplicas: {scaling.min_replicas} leaves no room below maxReplicas "
            f"{scaling.max_replicas}: write a smaller one"
        )
    if "replicas" in gateway.model_fields_set:
        yield (
            f"modelyard:gateway.replicas: {gateway.replicas} together with autoscaling, and each would undo the "
            "other: leave replicas out, and write autoscaling.minReplicas"
        )


def _service(gateway: "HigressGatewaySettings") -> Iterator[str]:
    service = gateway.service
    if service.type != "LoadBalancer":
        for name in ("load_balancer_class", "source_ranges"):
            if getattr(service, name):
                yield (
                    f"modelyard:gateway.service.{camel(name)}: given for type {service.type!r}, and only a load "
                    "balancer has it: write type: LoadBalancer, or leave it out"
                )
    if service.type == "ClusterIP" and service.external_traffic_policy == "Local":
        yield (
            "modelyard:gateway.service.externalTrafficPolicy: 'Local' for type 'ClusterIP', which nothing outside "
            "the cluster reaches: write type: LoadBalancer or NodePort, or leave it out"
        )


def _host_network(gateway: "HigressGatewaySettings") -> Iterator[str]:
    if not gateway.host_network:
        return
    if gateway.network_policy:
        yield (
            "modelyard:gateway.networkPolicy: true with hostNetwork, where the gateway's pods have the addresses of "
            "their nodes and no policy can tell them from others, so it would keep the gateway from the models: "
            "write networkPolicy: false, and your own policy of the nodes' addresses"
        )
    if "type" not in gateway.service.model_fields_set:
        yield (
            "modelyard:gateway.service.type: nothing is given with hostNetwork, where clients come to ports 80 and 443 "
            "of the nodes, and the release would wait for a load balancer that may never come: write ClusterIP, or "
            "LoadBalancer where there is to be one as well"
        )


def _tracing(gateway: "HigressGatewaySettings") -> Iterator[str]:
    tracing = gateway.tracing
    if tracing is None:
        return
    if tracing.sampling_percent < 0.1:
        yield (
            f"modelyard:gateway.tracing.samplingPercent: {tracing.sampling_percent}, but Higress takes 0 for 100 and "
            "knows one decimal: write 0.1 or more, or leave tracing out"
        )
    if not tracing.service.endswith(IN_CLUSTER):
        yield (
            f"modelyard:gateway.tracing.service: {tracing.service!r} is none that the gateway knows: write the whole "
            "name of a Service, such as otel-collector.observability.svc.cluster.local"
        )


_GATEWAY_RULES: tuple[GatewayRule, ...] = (_tls, _autoscaling, _service, _host_network, _tracing)
RELEASE_RULES = (_namespace, *map(of_higress, _GATEWAY_RULES))
