"""What happens during an update, as it happens."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Component:
    """The part of the platform that a resource belongs to: the nearest component above it.

    The platform itself, and what hangs on nothing, is the component with the kind ``Platform``.
    """

    kind: str
    """What it is, such as ``NativeModelService``, ``EnvoyGateway`` or ``ExistingGpuNodePool``."""
    name: str
    """Its name in the stack, such as the model's."""


@dataclass(frozen=True)
class Resource:
    """One resource of the stack."""

    urn: str
    """How Pulumi calls it."""
    type: str
    """Its type, such as ``kubernetes:apps/v1:StatefulSet``."""
    name: str
    """Its name in the program."""
    component: Component
    """The part of the platform that it belongs to."""


@dataclass(frozen=True)
class Event:
    """Anything that happens. What follows is one class a kind, so that ``match`` tells them apart."""


@dataclass(frozen=True)
class Planned(Event):
    """A preview found out what would become of a resource."""

    resource: Resource
    operation: str
    """``same``, ``create``, ``update``, ``delete``, ``replace``, ``read``, ``refresh`` or ``import``."""
    changes: tuple[str, ...] = ()
    """The properties that differ, such as ``spec.replicas``."""


@dataclass(frozen=True)
class Started(Event):
    """Work on a resource begins. Components begin too, and are done when everything in them is known."""

    resource: Resource
    operation: str
    """As in ``Planned``."""


@dataclass(frozen=True)
class Done(Event):
    """Work on a resource ended well."""

    resource: Resource
    operation: str
    """As in ``Planned``."""
    changes: tuple[str, ...] = ()
    """As in ``Planned``."""


@dataclass(frozen=True)
class Failed(Event):
    """Work on a resource failed. The messages that say why came before."""

    resource: Resource
    operation: str
    """As in ``Planned``."""


@dataclass(frozen=True)
class Message(Event):
    """Something that the engine, a provider or the program said."""

    severity: str
    """``status`` (what a resource waits for, replaced by the next one), ``info``, ``warning`` or ``error``."""
    text: str
    """One or more lines, with no colours and no line break at the end."""
    resource: Resource | None = None
    """What it is about, where it is about one."""


@dataclass(frozen=True)
class PolicyViolated(Event):
    """A policy does not hold."""

    policy: str
    """Its name."""
    pack: str
    """The pack that it is of."""
    mandatory: bool
    """Whether the update ends because of it."""
    text: str
    """What is wrong and what to change."""
    resource: Resource | None = None
    """What it is about, where it is about one."""


@dataclass(frozen=True)
class Retrying(Event):
    """Something transient went wrong, and the same is tried again."""

    attempt: int
    """Which attempt comes next, from 2."""
    attempts: int
    """How many there are at most."""
    wait_seconds: float
    """How long until then."""
    reason: str
    """What went wrong, in a sentence."""


@dataclass(frozen=True)
class Recovered(Event):
    """An update before this one was killed, and what it left was taken up."""

    adopted: tuple[str, ...]
    """URNs of the objects that it was making."""


@dataclass(frozen=True)
class Finished(Event):
    """The engine is through, well or not; the last event of each attempt that reached it."""

    succeeded: bool
    """Whether all of it went well."""
    changes: Mapping[str, int]
    """How many resources had which operation."""
    seconds: float
    """How long it took."""
