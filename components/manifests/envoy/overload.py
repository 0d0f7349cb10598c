"""What Envoy does when its memory runs out: refuse new requests, so that those it has can end."""

from components.manifests.envoy.proto import Json, extension
from stacks.quantities import amount
from stacks.settings import Quantity

SHRINK_AT = 0.7
"""Share of the pod's memory above which unused memory goes back to the system."""
REFUSE_AT = 0.8
"""Share of the pod's memory above which new requests are refused. The rest is for those already running."""


def overload_manager(memory: Quantity) -> Json:
    """The overload manager of a pod with that much memory."""
    heap = "envoy.resource_monitors.fixed_heap"
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            extension(
                heap,
                "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                max_heap_size_bytes=quantity_bytes(memory),
            )
        ],
        "actions": [
            {"name": name, "triggers": [{"name": heap, "threshold": {"value": share}}]}
            for name, share in (
                ("envoy.overload_actions.shrink_heap", SHRINK_AT),
                ("envoy.overload_actions.stop_accepting_requests", REFUSE_AT),
            )
        ],
    }


def quantity_bytes(quantity: Quantity) -> int:
    """A Kubernetes quantity of memory in bytes, rounded down."""
    return int(amount(quantity))
