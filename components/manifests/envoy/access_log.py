"""The gateway's access log: one JSON object a request, never with anything of the prompt or the answer."""

from components.manifests.envoy import names
from components.manifests.envoy.proto import Json, extension


def access_log() -> Json:
    """The log on standard output."""
    return extension(
        "envoy.access_loggers.stdout",
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        log_format={
            "json_format": {
                "time": "%START_TIME%",
                "request_id": "%REQ(x-request-id)%",
                "method": "%REQ(:METHOD)%",
                "path": "%PATH(NQ)%",
                "consumer": f"%REQ({names.CONSUMER_HEADER})%",
                "model": f"%REQ({names.MODEL_HEADER}):256%",
                "stream": f"%REQ({names.STREAM_HEADER})%",
                "served_by": f"%UPSTREAM_METADATA({names.METADATA}:model)%",
                "fallback_from": f"%RESP({names.FALLBACK_FROM_HEADER})%",
                "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
                "status": "%RESPONSE_CODE%",
                "details": "%RESPONSE_CODE_DETAILS%",
                "flags": "%RESPONSE_FLAGS%",
                "duration_ms": "%DURATION%",
                "headers_ms": "%RESPONSE_DURATION%",
                "request_bytes": "%BYTES_RECEIVED%",
                "response_bytes": "%BYTES_SENT%",
                "input_tokens": f"%DYNAMIC_METADATA({names.USAGE_METADATA}:input)%",
                "output_tokens": f"%DYNAMIC_METADATA({names.USAGE_METADATA}:output)%",
            }
        },
    )
