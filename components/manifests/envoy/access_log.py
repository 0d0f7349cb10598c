"""What the gateway writes down of each request when it ends: a line of its log, and its metrics."""

from typing import Any

from components.manifests.envoy import names
from components.manifests.envoy.metrics import metrics
from components.manifests.envoy.proto import Json, extension
from stacks.settings import EnvoyGatewaySettings


def access_loggers(gateway: EnvoyGatewaySettings) -> list[Json]:
    """The log on standard output, and the metrics."""
    return [_access_log(**_prompt(gateway)), *metrics()]


def rehearsal_loggers() -> list[Json]:
    """The log, marked as that of a rehearsal. What is made to fail counts for nobody."""
    return [_access_log(rehearsal=True)]


def _prompt(gateway: EnvoyGatewaySettings) -> Json:
    return {"prompt": names.PROMPT} if gateway.access_log.prompt_bytes else {}


def _access_log(**fields: Any) -> Json:
    # One JSON object a request, with no key, nothing of the answer, and of the prompt only where the stack says so.
    return extension(
        "envoy.access_loggers.stdout",
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        log_format={
            "json_format": {
                "time": "%START_TIME%",
                "request_id": "%REQ(x-request-id)%",
                "trace_id": "%TRACE_ID%",
                "method": "%REQ(:METHOD)%",
                "path": "%PATH(NQ)%",
                "consumer": f"%REQ({names.CONSUMER_HEADER})%",
                "model": f"%REQ({names.MODEL_HEADER}):256%",
                "route": "%ROUTE_NAME%",
                "stream": f"%REQ({names.STREAM_HEADER})%",
                "served_by": names.SERVED_BY,
                "fallback_from": f"%RESP({names.FALLBACK_FROM_HEADER})%",
                "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
                "status": "%RESPONSE_CODE%",
                "details": "%RESPONSE_CODE_DETAILS%",
                "flags": "%RESPONSE_FLAGS%",
                "duration_ms": "%DURATION%",
                "headers_ms": "%RESPONSE_DURATION%",
                "first_token_ms": names.FIRST_TOKEN,
                "request_bytes": "%BYTES_RECEIVED%",
                "response_bytes": "%BYTES_SENT%",
                "input_tokens": names.INPUT_TOKENS,
                "cached_tokens": names.CACHED_TOKENS,
                "output_tokens": names.OUTPUT_TOKENS,
                **fields,
            }
        },
    )
