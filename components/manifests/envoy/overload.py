"""What Envoy does when its memory runs out: refuse new requests, so that those it has can end."""

from components.manifests.envoy.names import MIB
from components.manifests.envoy.proto import Json, extension, typed
from stacks.quantities import amount
from stacks.settings import Quantity

OWN_MIB = 64
"""Memory of the program itself, in MiB, which no count of the heap has."""

SHRINK_AT = 0.7
"""Share of the heap above which unused memory goes back to the system."""
REFUSE_AT = 0.75
"""Share of the heap above which new requests are refused. The rest is for those already running."""
SHED_AT = 0.85
"""Share of the heap above which requests whose body is still on its way are refused, too."""
HURRY_AT = {"scaling_threshold": 0.8, "saturation_threshold": 0.9}
"""Shares of the heap between which who is silent gets less and less time."""

SILENT_SECONDS = {
    "HTTP_DOWNSTREAM_CONNECTION_IDLE": "1s",
    "HTTP_DOWNSTREAM_STREAM_IDLE": "5s",
    "HTTP_DOWNSTREAM_STREAM_FLUSH": "5s",
}
"""What is left of the time of silent connections, of silent requests and of clients that do not read, in the end."""

CONNECTION_KIB = 48
"""Memory of the pod for each connection that it accepts: what one may cost until its request's headers are whole."""

_HEAP = "envoy.resource_monitors.fixed_heap"


def overload_manager(memory: Quantity) -> Json:
    """The overload manager of a pod with that much memory."""
    size = quantity_bytes(memory)
    return {
        "refresh_interval": "0.1s",
        "resource_monitors": [
            extension(
                _HEAP,
                "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                max_heap_size_bytes=max(size // 2, size - OWN_MIB * MIB),
            ),
            # It bounds the listeners by itself, with no action.
            extension(
                "envoy.resource_monitors.global_downstream_max_connections",
                "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                max_active_downstream_connections=max(1, size * 1024 // (CONNECTION_KIB * MIB)),
            ),
        ],
        "actions": [
            _above(SHRINK_AT, "envoy.overload_actions.shrink_heap"),
            _above(REFUSE_AT, "envoy.overload_actions.stop_accepting_requests"),
            {
                "name": "envoy.overload_actions.reduce_timeouts",
                "triggers": [{"name": _HEAP, "scaled": HURRY_AT}],
                "typed_config": typed(
                    "envoy.config.overload.v3.ScaleTimersOverloadActionConfig",
                    timer_scale_factors=[
                        {"timer": timer, "min_timeout": least} for timer, least in SILENT_SECONDS.items()
                    ],
                ),
            },
            # The same for HTTP/2, where one connection has many requests: those that hold the most end first.
            {
                "name": "envoy.overload_actions.reset_high_memory_stream",
                "triggers": [{"name": _HEAP, "scaled": HURRY_AT}],
            },
        ],
        "loadshed_points": [_above(SHED_AT, "envoy.load_shed_points.http1_server_abort_dispatch")],
        "buffer_factory_config": {"minimum_account_to_track_power_of_two": 20},
    }


def _above(share: float, name: str) -> Json:
    return {"name": name, "triggers": [{"name": _HEAP, "threshold": {"value": share}}]}


def quantity_bytes(quantity: Quantity) -> int:
    """A Kubernetes quantity of memory in bytes, rounded down."""
    return int(amount(quantity))
