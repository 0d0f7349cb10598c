"""How resources and times are called, wherever they are shown."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.automation.events import Resource


def is_component(resource: "Resource") -> bool:
    """Whether a resource only holds others together, so that there is nothing of it on the cluster."""
    return resource.type.startswith("modelyard:")


def kind_of(resource: "Resource") -> str:
    """What a resource is, such as ``StatefulSet``."""
    return resource.type.rpartition(":")[2]


def duration(seconds: float) -> str:
    """Elapsed time as a person reads it, such as ``1m 05s``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m {rest:02d}s" if minutes else f"{seconds:.1f}s"
