"""HTTP filters of the edge and of the hop, in the order in which they run."""

from components.manifests.envoy import names
from components.manifests.envoy.errors import replace_server_errors
from components.manifests.envoy.proto import Json, extension
from stacks.settings import ConsumerSettings, EnvoyGatewaySettings

COUNTED_LENGTHS = "[0-9]{1,6}"
"""Lengths of plain answers whose tokens are counted: below 1 MB, and so below every body limit."""

EVENT_LIMIT_BYTES = names.MIB
"""Largest event of a stream that is searched for token counts."""


def edge_filters(gateway: EnvoyGatewaySettings) -> list[Json]:
    """The filters of the listener for clients."""
    consumers = gateway.auth.consumers
    return [
        replace_server_errors(),
        *([_api_key_auth(consumers)] if consumers else []),
        _buffer(gateway.body_limit_mib),
        _request_checks(),
        _model_to_header(),
        # Only here, behind the choice of the model's route, is the route's own allow list read.
        *([_rbac()] if consumers else []),
        _usage_of_plain_answers(),
        _usage_of_streams(),
        router(),
    ]


def hop_filters(gateway: EnvoyGatewaySettings) -> list[Json]:
    """The filters of the internal listener that writes ``model`` into the body."""
    return [_buffer(gateway.body_limit_mib), _name_to_body(), router()]


def router() -> Json:
    """The last filter, which asks the upstream."""
    return extension(
        "envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True
    )


def _api_key_auth(consumers: tuple[ConsumerSettings, ...]) -> Json:
    return extension(
        "envoy.filters.http.api_key_auth",
        "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
        credentials=[
            {"key": key.get_secret_value(), "client": consumer.name} for consumer in consumers for key in consumer.keys
        ],
        key_sources=[{"header": "authorization"}, {"header": "x-api-key"}],
        forwarding={"header": names.CONSUMER_HEADER, "hide_credentials": True},
    )


def _buffer(limit_mib: int) -> Json:
    # Also what lets the filters behind it hold such a body: their own limit would be 1 MiB.
    return extension(
        "envoy.filters.http.buffer",
        "envoy.extensions.filters.http.buffer.v3.Buffer",
        max_request_bytes=limit_mib * names.MIB,
    )


def _request_checks() -> Json:
    space = {"metadata_namespace": names.REQUEST_METADATA}
    return extension(
        "envoy.filters.http.json_to_metadata",
        "envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata",
        request_rules={
            "rules": [
                {
                    "selectors": [{"key": "model"}],
                    "on_present": {**space, "key": "model", "type": "PROTOBUF_VALUE"},
                    "on_missing": {**space, "key": "problem", "value": "missing"},
                    "on_error": {**space, "key": "problem", "value": "no JSON"},
                }
            ]
        },
    )


def _model_to_header() -> Json:
    return extension(
        "envoy.filters.http.transform",
        "envoy.extensions.filters.http.transform.v3.TransformConfig",
        clear_route_cache=True,
        request_transformation={
            "headers_mutations": [
                {"append": {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
                for key, value in (
                    (names.MODEL_HEADER, "%REQUEST_BODY(model)%"),
                    (names.STREAM_HEADER, "%REQUEST_BODY(stream)%"),
                )
            ]
        },
    )


def _rbac() -> Json:
    return extension("envoy.filters.http.rbac", "envoy.extensions.filters.http.rbac.v3.RBAC")


_USAGE = (
    ("input", ("prompt_tokens", "input_tokens")),
    ("output", ("completion_tokens", "output_tokens")),
)


def _usage_rules() -> list[Json]:
    return [
        {
            "selectors": [{"key": "usage"}, {"key": field}],
            "on_present": {"metadata_namespace": names.USAGE_METADATA, "key": key, "type": "NUMBER"},
        }
        for key, fields in _USAGE
        for field in fields
    ]


def _usage_of_plain_answers() -> Json:
    count = extension(
        "envoy.filters.http.json_to_metadata",
        "envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata",
        response_rules={
            "rules": _usage_rules(),
            "allow_content_types_regex": {"regex": r"application/json(\s*;.*)?"},
        },
    )
    # The filter holds the whole answer, and one beyond the limit of its buffer would become an error 500.
    not_small = {
        "not_matcher": {
            "single_predicate": {
                "input": extension(
                    "length", "envoy.type.matcher.v3.HttpResponseHeaderMatchInput", header_name="content-length"
                ),
                "value_match": {"safe_regex": {"google_re2": {}, "regex": COUNTED_LENGTHS}},
            }
        }
    }
    skip = extension("skip", "envoy.extensions.filters.common.matcher.action.v3.SkipFilter")
    return extension(
        "usage-of-plain-answers",
        "envoy.extensions.common.matching.v3.ExtensionWithMatcher",
        extension_config=count,
        xds_matcher={"matcher_list": {"matchers": [{"predicate": not_small, "on_match": {"action": skip}}]}},
    )


def _usage_of_streams() -> Json:
    return extension(
        "envoy.filters.http.sse_to_metadata",
        "envoy.extensions.filters.http.sse_to_metadata.v3.SseToMetadata",
        response_rules={
            "content_parser": extension(
                "json",
                "envoy.extensions.content_parsers.json.v3.JsonContentParser",
                rules=[{"rule": rule} for rule in _usage_rules()],
            ),
            "max_event_size": EVENT_LIMIT_BYTES,
        },
    )


def _name_to_body() -> Json:
    # The body is written anew: keys in order, integers beyond 2**53 rounded, no other change.
    return extension(
        "envoy.filters.http.transform",
        "envoy.extensions.filters.http.transform.v3.TransformConfig",
        request_transformation={
            "body_transformation": {
                "action": "MERGE",
                "body_format": {"json_format": {"model": f"%FILTER_STATE({names.METADATA}.served_name:PLAIN)%"}},
            }
        },
    )
