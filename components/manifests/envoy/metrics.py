"""The gateway's own metrics, on its Prometheus port. docs/observability.md lists them.

Every label has a bounded number of values: names of routes, models and consumers come from the stack, and nothing that
a client sends becomes one. Envoy's logger of statistics is marked as work in progress upstream.
"""

from typing import Any

from components.manifests.envoy import names
from components.manifests.envoy.proto import Json, extension

PREFIX = "modelyard"
"""Beginning of the metrics' names, behind Envoy's own ``envoy_``."""

BUCKETS = [
    *(1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500),
    *(10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000),
]
"""Upper bounds of the histograms' buckets, in milliseconds."""

BUCKETS_BEFORE = [
    *(50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000),
    *(1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 60_000_000, 600_000_000),
]
"""The same of what comes before a model, in microseconds: one millisecond, or minutes where others have failed."""

BROKEN_OFF = ["LR", "SI", "UC", "UPE", "UR", "UT"]
"""Envoy's reasons of answers that break off: resets on either side, silence, a lost connection, a body without its end,
and too much time."""

_BEFORE = "before_upstream_us"
_ROUTE = {"route": "%ROUTE_NAME%"}
_ANSWERED = {**_ROUTE, "served_by": names.SERVED_BY}
_CALLED = {**_ANSWERED, "consumer": f"%REQ({names.CONSUMER_HEADER})%"}
_STATUS = {"status": "%RESPONSE_CODE%"}


def metrics() -> list[Json]:
    """The access loggers that count."""
    return [
        _logger(None, counters=[_counter("requests_total", {**_CALLED, **_STATUS})]),
        _logger(
            _either(_status_at_least(400), _broken_off(), _noted("failed")),
            counters=[_counter("errors_total", {**_CALLED, **_STATUS, "flags": "%RESPONSE_FLAGS%"})],
        ),
        _logger(
            _noted("fallback"),
            counters=[_counter("fallbacks_total", {**_ANSWERED, "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"})],
        ),
        _logger(
            _noted("usage"),
            counters=[
                _counter("input_tokens_total", _CALLED, names.INPUT_TOKENS),
                _counter("output_tokens_total", _CALLED, names.OUTPUT_TOKENS),
            ],
            histograms=[
                _histogram("duration_ms", _ANSWERED, "Milliseconds", "%DURATION%"),
                # From the last byte sent to the model that answered to the first byte of its headers.
                _histogram("upstream_ms", _ANSWERED, "Milliseconds", "%COMMON_DURATION(US_TX_END:US_RX_BEG:ms)%"),
                # From the first byte of the request to the first byte sent to the model that answered.
                _histogram(_BEFORE, _ROUTE, "Microseconds", "%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%"),
            ],
        ),
        _logger(
            _noted("usage", "cached"), counters=[_counter("cached_input_tokens_total", _CALLED, names.CACHED_TOKENS)]
        ),
        _logger(
            _noted("first_token"),
            histograms=[_histogram("time_to_first_token_ms", _ANSWERED, "Milliseconds", names.FIRST_TOKEN)],
        ),
    ]


def stats_config() -> Json:
    """What the bootstrap says of statistics."""
    return {
        "histogram_bucket_settings": [
            # The first that matches counts.
            {"match": {"prefix": f"{PREFIX}.{_BEFORE}"}, "buckets": BUCKETS_BEFORE},
            {"match": {"prefix": f"{PREFIX}."}, "buckets": BUCKETS},
        ]
    }


def _logger(when: Json | None, **stats: Any) -> Json:
    found = extension(
        "envoy.access_loggers.stats",
        "envoy.extensions.access_loggers.stats.v3.Config",
        stat_prefix=PREFIX,
        **stats,
    )
    return {**found, "filter": when} if when else found


def _counter(name: str, labels: dict[str, str], value: str | None = None) -> Json:
    return {"stat": _stat(name, labels), **({"value_format": value} if value else {"value_fixed": 1})}


def _histogram(name: str, labels: dict[str, str], unit: str, value: str) -> Json:
    return {"stat": _stat(name, labels), "unit": unit, "value_format": value}


def _stat(name: str, labels: dict[str, str]) -> Json:
    return {"name": name, "tags": [{"name": label, "value_format": value} for label, value in labels.items()]}


def _status_at_least(status: int) -> Json:
    return {
        "status_code_filter": {
            "comparison": {"op": "GE", "value": {"default_value": status, "runtime_key": f"modelyard.from_{status}"}}
        }
    }


def _broken_off() -> Json:
    """Holds where the answer had begun and its rest did not come. A client that leaves is none of these."""
    return {"response_flag_filter": {"flags": BROKEN_OFF}}


def _either(*filters: Json) -> Json:
    return {"or_filter": {"filters": list(filters)}}


def _noted(*keys: str) -> Json:
    """Holds where the Lua program has written this down."""
    return {
        "metadata_filter": {
            "matcher": {
                "filter": names.METADATA,
                "path": [{"key": key} for key in keys],
                "value": {"present_match": True},
            },
            "match_if_key_not_found": False,
        }
    }
