"""Listeners: the edge for clients, the rehearsal of fallbacks, the hop that rewrites ``model``, and the metrics.

None of them changes with models and routes, so running streams are never cut by a change of those.
"""

from components.manifests.envoy import names
from components.manifests.envoy.access_log import access_loggers, rehearsal_loggers
from components.manifests.envoy.errors import local_reply_config
from components.manifests.envoy.filters import edge_filters, hop_filters, router
from components.manifests.envoy.proto import Json, extension, seconds, socket_address, typed
from components.manifests.envoy.rehearsal import LOOPBACK, rehearsed
from components.manifests.envoy.site import POD, Site
from components.manifests.envoy.tracing import trace_headers, tracing
from components.manifests.openai_api import PATHS_SHOWN
from stacks.settings import EnvoyGatewaySettings

CLOSE_DELAY = "0.05s"
"""In place of 1 s: how long a broken stream stays open, for each listener on its way."""

ENGINE_HEADERS = ("x-data-parallel-rank", "endpoint-load-metrics-format")
"""Request headers by which a router chooses one of vLLM's engines, and asks for their load in the answer's headers."""

REQUEST_SECONDS = 300.0
"""Longest time that a request may take to arrive, its body included: silence alone would not end one that trickles."""

HEADERS_KIB = 16
"""Largest headers of a request, in KiB, in place of 60: they are held before anything is known of who sends them."""

STREAMS = 100
"""Most requests at once on one connection of HTTP/2, in place of 1024."""

INTERNAL_HEADERS = ("x-higress-", "x-modelyard-", "x-envoy-")
"""Prefixes of request headers that only gateways may set."""


def listeners(gateway: EnvoyGatewaySettings, edge_routes: Json, site: Site = POD) -> list[Json]:
    """Every listener.

    Args:
        gateway: The gateway's settings.
        edge_routes: ``rds`` or ``route_config`` of the edge's connection manager.
        site: The surroundings of the Envoy.
    """
    strip = _without_internal_headers()
    return [
        _edge(
            names.EDGE,
            socket_address(site.bind, site.port),
            strip,
            gateway,
            edge_routes | {"access_log": access_loggers(gateway)},
        ),
        _edge(
            names.REHEARSAL,
            socket_address(LOOPBACK["address_prefix"], site.rehearsal_port),
            rehearsed(strip),
            gateway,
            # Only whom the connection manager takes for internal may say what is tried again.
            edge_routes | {"internal_address_config": {"cidr_ranges": [LOOPBACK]}, "access_log": rehearsal_loggers()},
        ),
        _hop(gateway),
        _metrics(site),
    ]


def _without_internal_headers() -> list[Json]:
    return [
        *({"remove_on_match": {"key_matcher": {"prefix": prefix, "ignore_case": True}}} for prefix in INTERNAL_HEADERS),
        {"remove": "x-hi-original-auth"},
        *({"remove": name} for name in ENGINE_HEADERS),
    ]


def _edge(name: str, address: Json, mutations: list[Json], gateway: EnvoyGatewaySettings, fields: Json) -> Json:
    manager = _connection_manager(
        name,
        edge_filters(gateway),
        **fields,
        early_header_mutation_extensions=[_early_mutation([*mutations, *trace_headers(gateway)])],
        local_reply_config=local_reply_config(PATHS_SHOWN, gateway.body_limit_mib),
        **tracing(gateway),
        use_remote_address=True,
        always_set_request_id_in_response=True,
        normalize_path=True,
        merge_slashes=True,
        # OpenAI's clients ask for a model with a slash in its name as /v1/models/<organisation>%2F<model>.
        # What follows is normalized and compared as a whole, so nothing else becomes reachable.
        path_with_escaped_slashes_action="UNESCAPE_AND_FORWARD",
        common_http_protocol_options={
            "idle_timeout": "3600s",
            # A server that reads x_modelyard_model as x-modelyard-model would trust it.
            "headers_with_underscores_action": "DROP_HEADER",
        },
        request_headers_timeout="10s",
        request_timeout=seconds(REQUEST_SECONDS),
        max_request_headers_kb=HEADERS_KIB,
        http2_protocol_options={"max_concurrent_streams": STREAMS},
    )
    return {"name": name, "address": address, "filter_chains": [{"filters": [manager]}]}


def _hop(gateway: EnvoyGatewaySettings) -> Json:
    manager = _connection_manager(
        names.HOP,
        hop_filters(gateway),
        early_header_mutation_extensions=[
            _early_mutation(
                [
                    {
                        "append": {
                            "header": {
                                "key": names.CLUSTER_HEADER,
                                "value": f"%FILTER_STATE({names.METADATA}.model:PLAIN)%",
                            },
                            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                        }
                    }
                ]
            )
        ],
        stream_idle_timeout="0s",
        route_config={
            "name": names.HOP,
            "virtual_hosts": [
                {
                    "name": names.HOP,
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": "/"},
                            "route": {"cluster_header": names.CLUSTER_HEADER, "timeout": "0s"},
                            "request_headers_to_remove": [names.CLUSTER_HEADER],
                        }
                    ],
                }
            ],
        },
    )
    return {
        "name": names.HOP,
        "internal_listener": {},
        "per_connection_buffer_limit_bytes": names.HOP_BUFFER_KIB * 1024,
        # What the edge has accepted may go on.
        "bypass_overload_manager": True,
        "ignore_global_conn_limit": True,
        "filter_chains": [{"filters": [_endpoint_to_filter_state(), manager]}],
    }


def _endpoint_to_filter_state() -> Json:
    # HTTP filters see the connection's filter state, but not the metadata that came with it.
    return extension(
        "envoy.filters.network.set_filter_state",
        "envoy.extensions.filters.network.set_filter_state.v3.Config",
        on_new_connection=[
            {
                "object_key": f"{names.METADATA}.{key}",
                "factory_key": "envoy.string",
                "format_string": {
                    "text_format_source": {"inline_string": f"%DYNAMIC_METADATA({names.METADATA}:{key})%"}
                },
            }
            for key in ("model", "served_name")
        ],
    )


def _metrics(site: Site) -> Json:
    get = [{"name": ":method", "string_match": {"exact": "GET"}}]
    manager = _connection_manager(
        "metrics",
        [router()],
        route_config={
            "name": "metrics",
            "virtual_hosts": [
                {
                    "name": "metrics",
                    "domains": ["*"],
                    "routes": [
                        {"match": {"path": "/live", "headers": get}, "direct_response": {"status": 200}},
                        {"match": {"path": "/ready", "headers": get}, "route": {"cluster": names.ADMIN}},
                        {"match": {"path": "/stats/prometheus", "headers": get}, "route": {"cluster": names.ADMIN}},
                    ],
                }
            ],
        },
    )
    return {
        "name": "metrics",
        "address": socket_address(site.bind, site.metrics_port),
        # A pod whose memory runs out must not be killed by its probes: that would cut its streams.
        "bypass_overload_manager": True,
        "ignore_global_conn_limit": True,
        "filter_chains": [{"filters": [manager]}],
    }


def _connection_manager(name: str, http_filters: list[Json], **fields: object) -> Json:
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": typed(
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            stat_prefix=name,
            delayed_close_timeout=CLOSE_DELAY,
            http_filters=http_filters,
            **fields,
        ),
    }


def _early_mutation(mutations: list[Json]) -> Json:
    return extension(
        "envoy.http.early_header_mutation.header_mutation",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=mutations,
    )
