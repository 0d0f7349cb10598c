"""Rehearsals of fallbacks: a chain is gone through while all of its models are well.

A listener like the edge, with the same keys, filters, routes and chains, on the loopback address of the gateway's pods.
Nobody reaches it but by ``kubectl port-forward``, so what guards it is the permission for that, as it guards Envoy's
admin interface. There a request says how many places of the chain are to count as failed: Envoy takes an answer 200
for a reason to try again, so often and no more. The models that are passed over have answered, and no health check,
breaker or outlier detection learns of it.
"""

from components.manifests.envoy import names
from components.manifests.envoy.proto import Json

LOOPBACK: Json = {"address_prefix": "127.0.0.1", "prefix_len": 32}
"""The address of the listener, and of all who reach it."""


def rehearsed(strip: list[Json]) -> list[Json]:
    """The changes of a rehearsal's headers: what it asks for, in the words of Envoy's router.

    https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter

    Args:
        strip: the changes that take away what only gateways may set.
    """
    asked = {
        "x-rehearse": f"%REQ({names.REHEARSE_HEADER})%",
    }
    meant = {
        "x-envoy-max-retries": "%REQ(x-rehearse)%",
        "x-envoy-retry-on": "retriable-status-codes",
        "x-envoy-retriable-status-codes": "200",
    }
    return [*map(_set, asked.items()), *strip, *map(_set, meant.items()), {"remove": "x-rehearse"}]


def _set(header: tuple[str, str]) -> Json:
    key, value = header
    return {"append": {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
