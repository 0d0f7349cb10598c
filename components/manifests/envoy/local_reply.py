"""The form of what Envoy makes of its own error answers."""

from components.manifests.envoy.proto import Json, extension, set_header
from components.manifests.openai_api import RETRY_AFTER_SECONDS, invalid_request

RETRY_AFTER = set_header("retry-after", str(RETRY_AFTER_SECONDS))
"""The header that tells a client when to come again."""


def mapper(status: int, body: Json, *when: Json, becomes: int | None = None, headers: list[Json] | None = None) -> Json:
    """What an answer of a status becomes. The first mapper that matches counts.

    Args:
        status: the status that Envoy gave.
        body: the JSON of the new body. Its texts may hold Envoy's format operators.
        when: what else must hold.
        becomes: the new status. Default: the old one.
        headers: headers to add.
    """
    by_status: Json = {
        "status_code_filter": {
            "comparison": {"op": "EQ", "value": {"default_value": status, "runtime_key": f"modelyard.status_{status}"}}
        }
    }
    found: Json = {
        "filter": {"and_filter": {"filters": [by_status, *when]}} if when else by_status,
        "body_format_override": {"json_format": body},
    }
    if becomes:
        found["status_code"] = becomes
    if headers:
        found["headers_to_add"] = headers
    return found


def flag(name: str) -> Json:
    """Holds where Envoy gives this reason, as in its access log's response flags."""
    return {"response_flag_filter": {"flags": [name]}}


def header_absent(name: str) -> Json:
    """Holds where the request has no such header."""
    return {"header_filter": {"header": {"name": name, "present_match": True, "invert_match": True}}}


def header_matches(name: str, regex: str) -> Json:
    """Holds where a request header, as a whole, matches a regular expression."""
    return {"header_filter": {"header": {"name": name, "string_match": {"safe_regex": {"regex": regex}}}}}


def bad_key() -> Json:
    """What a 401 becomes."""
    return mapper(
        401,
        invalid_request(
            "The API key is missing or wrong: send 'Authorization: Bearer <key>' or 'x-api-key: <key>'.",
            "invalid_api_key",
        ),
    )


def no_upgrade() -> Json:
    """What the 403 becomes that Envoy gives to a request for another protocol, such as a WebSocket or a tunnel."""
    message = "No other protocol is spoken here: send the request without 'upgrade', and not as CONNECT."
    return mapper(403, invalid_request(message, "upgrade_not_supported"), _upgrades(), becomes=400)


def too_large(limit_mib: int) -> Json:
    """What a 413 becomes, where this is the largest request body, in MiB."""
    message = f"The request body is larger than {limit_mib} MiB: send a smaller one."
    return mapper(413, invalid_request(message, "request_too_large"))


def invalid_http(when: Json) -> Json:
    """What the 400 becomes that Envoy's own parser gives.

    Args:
        when: by what it is told from other answers of status 400.
    """
    return mapper(400, invalid_request("The request is no valid HTTP request.", "invalid_request"), when)


def _upgrades() -> Json:
    connect = {"name": ":method", "string_match": {"exact": "CONNECT"}}
    named = {"name": "upgrade", "present_match": True}
    return {"or_filter": {"filters": [{"header_filter": {"header": header}} for header in (connect, named)]}}


def by_no_route() -> Json:
    """Holds where no route's direct response made the answer. Reasons of the parser are flagged too late for that."""
    return {
        "extension_filter": extension(
            "by-no-route",
            "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            expression="response.code_details != 'direct_response'",
        )
    }


def bad_headers() -> list[Json]:
    """What the errors become that come before a request's headers are read to their end."""
    return [
        mapper(408, invalid_request("The request came too slowly.", "request_timeout")),
        mapper(426, invalid_request("This version of HTTP is not served: send HTTP/1.1 or HTTP/2.", "http_version")),
        mapper(431, invalid_request("The headers are too large: 100 of them and 16 KiB in all.", "headers_too_large")),
    ]
