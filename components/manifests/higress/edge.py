"""What holds for every request at the gateway's edge: no forged internal headers, errors in OpenAI's form.

Nothing here depends on models or routes. Envoy drains the clients' connections when its listener
changes, and the list of models changes often.
"""

from components.manifests.envoy.listeners import ENGINE_HEADERS
from components.manifests.envoy.local_reply import (
    RETRY_AFTER,
    bad_key,
    flag,
    header_absent,
    header_matches,
    invalid_http,
    mapper,
    too_large,
)
from components.manifests.envoy.names import MIB
from components.manifests.envoy.proto import Json
from components.manifests.higress import names
from components.manifests.higress.envoy_filter import envoy_filter, on_connection_manager, on_route_table
from components.manifests.objects import Manifest
from components.manifests.openai_api import MODEL_PATHS_REGEX, PATHS_SHOWN, error, invalid_request, unavailable
from stacks.settings import StackSettings

STRIPPED_HEADERS = (
    names.MODEL_HEADER,
    f"{names.MODEL_HEADER}-final",
    names.FALLBACK_HEADER,
    names.ORIGINAL_AUTH_HEADER,
    names.CONSUMER_HEADER,
    "x-higress-target-cluster",
    "x-higress-skip-ai-cache",
    "x-envoy-upstream-rq-first-byte-timeout-ms",
    # Where a redirected request is sent to, when something keeps ai-proxy from setting it.
    "x-envoy-original-host",
    # Who may rehearse a fallback. Envoy writes it behind this; told not to use the peer's address, it would not.
    "x-envoy-external-address",
    names.SERVED_BY_HEADER,
    names.FALLBACK_FROM_HEADER,
    *ENGINE_HEADERS,
)
"""Headers that only the gateway sets. A forged one could choose a route, a consumer or a timeout."""

ANSWERS_LIMIT_BYTES = 16 * MIB
"""Bound of a direct answer, in place of Envoy's 4 KiB: the list of models grows with them."""

NOBODY = "255.255.255.255"
"""An address that no client has."""

_MODEL_SHOWN = f"%REQ({names.MODEL_HEADER}):256%"


def edge_filter(stack: StackSettings) -> Manifest:
    """The changes of the listener and of the route tables as a whole."""
    return envoy_filter(
        stack,
        "modelyard-edge",
        [
            on_route_table(
                {
                    # Removed once, where a request comes in: redirects inside the gateway keep them.
                    "internal_only_headers": list(STRIPPED_HEADERS),
                    "max_direct_response_body_size_bytes": ANSWERS_LIMIT_BYTES,
                }
            ),
            on_connection_manager(
                {
                    "local_reply_config": {"mappers": _mappers(stack)},
                    # No client counts as internal, whose headers would be believed: Envoy's default was private ranges.
                    "internal_address_config": {"cidr_ranges": [{"address_prefix": NOBODY, "prefix_len": 32}]},
                }
            ),
        ],
    )


def _mappers(stack: StackSettings) -> list[Json]:
    return [
        bad_key(),
        mapper(
            403,
            error(
                f"You may not use the model '{_MODEL_SHOWN}' from there: %LOCAL_REPLY_BODY%",
                "permission_error",
                "model_not_allowed",
                "model",
            ),
        ),
        mapper(
            404,
            invalid_request(
                "The request body must be a JSON object that names one 'model'. %LOCAL_REPLY_BODY%",
                "missing_required_parameter",
                "model",
            ),
            header_absent(names.MODEL_HEADER),
            header_matches(":method", "POST"),
            header_matches(":path", f"({MODEL_PATHS_REGEX})([?].*)?"),
            becomes=400,
        ),
        mapper(
            404,
            invalid_request(f"There is no '%REQ(:PATH)%' here: send {PATHS_SHOWN}. %LOCAL_REPLY_BODY%", "not_found"),
            header_absent(names.MODEL_HEADER),
        ),
        mapper(
            404,
            invalid_request(
                f"The model '{_MODEL_SHOWN}' does not exist. %LOCAL_REPLY_BODY%", "model_not_found", "model"
            ),
        ),
        too_large(stack.gateway.body_limit_mib),
        mapper(
            429,
            error(
                "There were more tokens or requests than you may use in this time: %LOCAL_REPLY_BODY%",
                "rate_limit_error",
                "rate_limit_exceeded",
            ),
        ),
        invalid_http(flag("DPE")),
        *(
            mapper(status, unavailable(_MODEL_SHOWN), becomes=503, headers=[RETRY_AFTER])
            for status in (500, 502, 503, 504)
        ),
    ]
