"""Traces of requests by OpenTelemetry: a span of the request, and one below it for each model that is asked.

The trace goes on in the models by the header ``traceparent`` (https://www.w3.org/TR/trace-context/), which vLLM reads
where it is started with ``--otlp-traces-endpoint``.
"""

from components.manifests.envoy import names
from components.manifests.envoy.proto import Json, extension, set_header, socket_address, typed
from stacks.settings import EnvoyGatewaySettings
from stacks.settings.gateway import OpenTelemetrySettings

_GIVEN = "request.headers['traceparent']"
_WELL_FORMED = " && ".join(
    (
        # In parts: Envoy takes no regular expression with 32 of a class.
        f"size({_GIVEN}) == 55",
        f"{_GIVEN}.matches('^[0-9a-f]{{2}}-[0-9a-f]+-[0-9a-f]+-[0-9a-f]{{2}}$')",
        f"{_GIVEN}.matches('-[0-9a-f]{{16}}-..$')",
        f"!{_GIVEN}.matches('-0+-')",
    )
)
_KEPT = "x-modelyard-traceparent"


def trace_headers(gateway: EnvoyGatewaySettings) -> list[Json]:
    """What happens to a request's headers before it is traced: a ``traceparent`` that is none is taken away.

    Envoy would make no span of such a request, where the standard has it begin a trace of its own.
    """
    if gateway.tracing is None:
        return []
    # What is empty is not set.
    return [
        {"append": set_header(_KEPT, f"%CEL({_WELL_FORMED} ? {_GIVEN} : '')%")},
        {"remove": "traceparent"},
        {"append": set_header("traceparent", f"%REQ({_KEPT})%")},
        {"remove": _KEPT},
    ]


def tracing(gateway: EnvoyGatewaySettings) -> Json:
    """The field ``tracing`` of the edge's connection manager, where there is a collector."""
    if gateway.tracing is None:
        return {}
    return {
        "tracing": {
            "provider": extension(
                "envoy.tracers.opentelemetry",
                "envoy.config.trace.v3.OpenTelemetryConfig",
                grpc_service={"envoy_grpc": {"cluster_name": names.TRACES}, "timeout": "1s"},
                service_name=gateway.name,
            ),
            "random_sampling": {"value": gateway.tracing.sampling_percent},
            "spawn_upstream_span": True,
            # Names as in OpenTelemetry's conventions for generative AI; never anything of the prompt.
            "custom_tags": [
                {"tag": "gen_ai.request.model", "request_header": {"name": names.MODEL_HEADER}},
                {"tag": "modelyard.consumer", "request_header": {"name": names.CONSUMER_HEADER}},
                _noted("gen_ai.usage.input_tokens", "usage", "input"),
                _noted("gen_ai.usage.output_tokens", "usage", "output"),
                {
                    "tag": "modelyard.served_by",
                    "metadata": {
                        "kind": {"host": {}},
                        "metadata_key": {"key": names.METADATA, "path": [{"key": "model"}]},
                    },
                },
            ],
        }
    }


def collector_clusters(gateway: EnvoyGatewaySettings) -> list[Json]:
    """The cluster of the collector, where there is one."""
    return [_collector(gateway.tracing)] if gateway.tracing else []


def _collector(collector: OpenTelemetrySettings) -> Json:
    return {
        "name": names.TRACES,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                explicit_http_config={"http2_protocol_options": {}},
            )
        },
        "load_assignment": {
            "cluster_name": names.TRACES,
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": socket_address(collector.service, collector.port)}}]},
            ],
        },
    }


def _noted(tag: str, *keys: str) -> Json:
    return {
        "tag": tag,
        "metadata": {
            "kind": {"request": {}},
            "metadata_key": {"key": names.METADATA, "path": [{"key": key} for key in keys]},
        },
    }
