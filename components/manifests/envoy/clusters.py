"""Clusters: the pods of each model, the ways to them through the internal listener, and the chains."""

from components.manifests.envoy import chains, names
from components.manifests.envoy.proto import Json, extension, seconds, socket_address, typed
from components.manifests.envoy.site import POD, Site
from stacks.settings import ModelSettings, StackSettings

UNBOUNDED = 100_000
"""In place of Envoy's breakers of 1024 requests and 3 retries: queueing is the engine's job, not the gateway's."""

UPSTREAM_IDLE_SECONDS = 4.0
"""Idle connections are closed before vLLM does it (5 s), so no request is sent into a closing one."""


def clusters(stack: StackSettings, site: Site = POD) -> list[Json]:
    """Every cluster that depends on models and routes, in CDS form without ``@type``."""
    members = {member for chain in chains.all_chains(stack) for member in chain.members}
    found: list[Json] = []
    for model in stack.models:
        found.append(_pods(stack, model, site))
        for adapter in (None, *model.adapters):
            if (name := chains.mapped(model, adapter)) in members:
                found.append(_through_hop(name, model, adapter or model.names[0], is_fallback=False))
        if chains.fallback(model) in members:
            found.append(_through_hop(chains.fallback(model), model, model.names[0], is_fallback=True))
    found.extend(_composite(chain) for chain in chains.all_chains(stack))
    return found


def admin_cluster(site: Site = POD) -> Json:
    """Envoy's own admin interface, for the few paths that the metrics listener lets through."""
    return {
        "name": names.ADMIN,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": names.ADMIN,
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": socket_address("127.0.0.1", site.admin_port)}}]},
            ],
        },
    }


def _pods(stack: StackSettings, model: ModelSettings, site: Site) -> Json:
    health = pod_health(stack, model)
    return {
        **health,
        "name": model.name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "lb_policy": "LEAST_REQUEST",
        "least_request_lb_config": {"slow_start_config": {"slow_start_window": "10s"}},
        # Changes of health count at once, and not after they were gathered for a second.
        "common_lb_config": {**health["common_lb_config"], "update_merge_window": "0s"},
        "circuit_breakers": _unbounded(),
        "typed_extension_protocol_options": _http1(),
        "load_assignment": {
            "cluster_name": model.name,
            "endpoints": [
                {
                    "lb_endpoints": [
                        _endpoint(socket_address(host, port), {"model": model.name})
                        for host, port in site.addresses(stack, model)
                    ]
                }
            ],
        },
    }


def pod_health(stack: StackSettings, model: ModelSettings) -> Json:
    """The part of a cluster that says how its pods are found, tried and left alone, whoever made the rest."""
    return {
        "connect_timeout": seconds(chains.connect_seconds(stack, model)),
        # While a model has no pod; otherwise the records say how long they hold.
        "dns_refresh_rate": "2s",
        "respect_dns_ttl": True,
        # A pod that leaves DNS gets no new request, although it may still answer health checks.
        "ignore_health_on_host_removal": True,
        # No panic: a model without a healthy pod is skipped, and the next of the chain is asked at once.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "health_checks": [_health_check()],
        "outlier_detection": _outlier_detection(),
    }


def _health_check() -> Json:
    # Two seconds: vLLM answers /health in the event loop that also tokenizes, and may be late under load.
    return {
        "timeout": "2s",
        "interval": "1s",
        "no_traffic_interval": "1s",
        "unhealthy_threshold": 3,
        "healthy_threshold": 1,
        "http_health_check": {"path": "/health"},
    }


def _outlier_detection() -> Json:
    return {
        "interval": "1s",
        "base_ejection_time": "5s",
        "max_ejection_time": "30s",
        "max_ejection_percent": 100,
        # Connections that fail eject sooner than answers of status 5xx, which one bad prompt can cause.
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 3,
        "consecutive_5xx": 5,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        # Otherwise the next /health, a second later, would bring a pod back whose answers are all errors.
        "successful_active_health_check_uneject_host": False,
    }


def _http1() -> Json:
    return {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            explicit_http_config={"http_protocol_options": {}},
            common_http_protocol_options={"idle_timeout": seconds(UPSTREAM_IDLE_SECONDS)},
        )
    }


def _through_hop(name: str, model: ModelSettings, served_name: str, *, is_fallback: bool) -> Json:
    metadata = {"model": model.name, "served_name": served_name}
    if is_fallback:
        metadata["hop"] = "1"
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": _unbounded(),
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {"lb_endpoints": [_endpoint({"envoy_internal_address": {"server_listener_name": names.HOP}}, metadata)]}
            ],
        },
        "transport_socket": extension(
            "envoy.transport_sockets.internal_upstream",
            "envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
            passthrough_metadata=[{"name": names.METADATA, "kind": {"host": {}}}],
            transport_socket=extension(
                "envoy.transport_sockets.raw_buffer", "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
            ),
        ),
    }


def _composite(chain: chains.Chain) -> Json:
    return {
        "name": chain.name,
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": extension(
            "envoy.clusters.composite",
            "envoy.extensions.clusters.composite.v3.ClusterConfig",
            clusters=[{"name": member} for member in chain.members],
        ),
        # The retry breaker counts here, on the cluster that the route names, and nowhere else.
        "circuit_breakers": _unbounded(),
    }


def _endpoint(address: Json, metadata: dict[str, str]) -> Json:
    return {"endpoint": {"address": address}, "metadata": {"filter_metadata": {names.METADATA: metadata}}}


def _unbounded() -> Json:
    limits = ("max_connections", "max_pending_requests", "max_requests", "max_retries")
    return {"thresholds": [dict.fromkeys(limits, UNBOUNDED)]}
