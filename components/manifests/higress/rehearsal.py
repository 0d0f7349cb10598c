"""Rehearsals of fallbacks: a chain is gone through while all of its models are well.

Higress has one listener, so a rehearsal comes in where clients do, and is known by the address that it comes from: the
gateway's own loopback, which ``kubectl port-forward`` leads to and no client has. Envoy writes that address into a
header of its own, over whatever a client sent. At each place that is to count as failed, Envoy's fault filter answers
503 where the model would have been asked, and Higress's redirect takes it for a failure like any other.
"""

from components.manifests.envoy.names import REHEARSE_HEADER
from components.manifests.envoy.proto import Json, typed

_FILTER = "envoy.filters.http.fault"
"""Istio has it on every listener, behind all plugins: what is aborted has been authenticated and counted."""

_CLIENT_HEADER = "x-envoy-external-address"
"""Request header: who connected, or whom the trusted proxies name. Envoy sets it where a request comes in."""
_LOOPBACK = "127\\.0\\.0\\.1|::1"

_MORE_THAN_ANY = 1_000_000
"""More places than a chain can have."""


def passed_over(number: int) -> Json:
    """The change of a route by which a rehearsal passes over its models.

    https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/fault_filter

    Args:
        number: which place of its chain the route is, from 0.
    """
    wanted: list[Json] = [
        {"name": _CLIENT_HEADER, "string_match": {"safe_regex": {"regex": _LOOPBACK}}},
        {"name": REHEARSE_HEADER, "range_match": {"start": number + 1, "end": _MORE_THAN_ANY}},
    ]
    abort: Json = {"http_status": 503, "percentage": {"numerator": 100}}
    return {_FILTER: typed("envoy.extensions.filters.http.fault.v3.HTTPFault", abort=abort, headers=wanted)}
