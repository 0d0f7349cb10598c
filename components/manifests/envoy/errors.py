"""Error answers in the form of OpenAI's API, which its clients raise as typed errors."""

from components.manifests.envoy.local_reply import (
    RETRY_AFTER,
    bad_headers,
    bad_key,
    by_no_route,
    header_absent,
    invalid_http,
    mapper,
    no_upgrade,
    too_large,
)
from components.manifests.envoy.names import CONSUMER_HEADER, MODEL_HEADER
from components.manifests.envoy.proto import Json
from components.manifests.openai_api import RETRY_AFTER_SECONDS, error, invalid_request, unavailable

MODEL_SHOWN = f"%REQ({MODEL_HEADER}):256%"
"""The requested model, cut: a client may send any length."""


def direct_response(status: int, body: Json) -> Json:
    """A route's action that answers without asking any model."""
    return {"status": status, "body_format": {"json_format": body}}


def local_reply_config(paths: str, body_limit_mib: int) -> Json:
    """Bodies for the errors that Envoy itself makes.

    Args:
        paths: What the gateway serves, for the 404.
        body_limit_mib: Largest request body, in MiB, for the 413.
    """
    return {
        "mappers": [
            bad_key(),
            no_upgrade(),
            mapper(
                403,
                error(
                    f"Consumer '%REQ({CONSUMER_HEADER})%' may not use the model '{MODEL_SHOWN}': "
                    "ask who runs the gateway to add it to the route's consumers.",
                    "permission_error",
                    "model_not_allowed",
                    "model",
                ),
            ),
            too_large(body_limit_mib),
            # Bare statuses would also overwrite the bodies of the routes' own 404 and 400.
            mapper(404, invalid_request(f"There is no '%PATH(NQ)%' here: send {paths}.", "not_found"), by_no_route()),
            invalid_http(by_no_route()),
            # A body in a coding of its transfer that Envoy does not know.
            mapper(501, invalid_request("The request is no valid HTTP request.", "invalid_request"), becomes=400),
            *bad_headers(),
            # Refused before the body was read to its end: every other 5xx comes after the model is known.
            mapper(503, OVERLOADED, header_absent(MODEL_HEADER), headers=[RETRY_AFTER]),
            mapper(500, OVERLOADED, header_absent(MODEL_HEADER), becomes=503, headers=[RETRY_AFTER]),
            mapper(503, UNAVAILABLE, headers=[RETRY_AFTER]),
            # An answer that is too large, or breaks, while it is held.
            mapper(500, UNAVAILABLE, becomes=503, headers=[RETRY_AFTER]),
            mapper(502, UNAVAILABLE, becomes=503, headers=[RETRY_AFTER]),
            mapper(504, UNAVAILABLE, becomes=503, headers=[RETRY_AFTER]),
        ]
    }


OVERLOADED = error(
    f"The gateway has too little memory for more requests: try again in {RETRY_AFTER_SECONDS} seconds.",
    "server_error",
    "overloaded",
)
"""The body where a request is refused for the gateway's memory."""

UNAVAILABLE = unavailable(MODEL_SHOWN)
"""The body where no model could answer."""
