"""What a gateway promises about a request, in terms that every kind of gateway has.

A model is known here by the address of its pods, for each gateway calls it by names of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A model of a chain, and what it is sent."""

    address: str
    """Host and port of its pods."""
    name: str
    """The ``model`` of the body that it reads."""
    tries: int
    """How often it is asked at most."""
    again_on: frozenset[str]
    """The failures after which it is asked again, in Envoy's terms. Empty where it is asked once."""


@dataclass(frozen=True)
class Share:
    """What is asked, one after the other, for some of the requests."""

    percent: int
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Promise:
    """What holds for a request that a route takes."""

    shares: frozenset[Share]
    body_limit_bytes: int
    consumers: frozenset[str] | None
    """Who may send it, or None for everybody."""
    silence_seconds: float
    """How long a model may be silent before it counts as failed, whether it streams or not."""


@dataclass(frozen=True)
class Upstream:
    """How a model's pods are treated, whatever the route."""

    connect_seconds: float
    health_path: str
    panics: bool
    """Whether requests go to pods that are known to be unwell when none is well."""


Headers = Mapping[str, str]


@dataclass(frozen=True)
class Gateway:
    """What is read of a gateway."""

    ask: Callable[[str, Headers], Promise | None]
    """What becomes of a chat completion for a model, with these headers. None: there is no such model."""
    listed: list[str]
    """What ``/v1/models`` lists."""
    upstreams: dict[str, Upstream]
    """By the address of the pods."""


def seconds(duration: str) -> float:
    """A protobuf ``Duration`` in JSON."""
    assert duration.endswith("s"), duration
    return float(duration.removesuffix("s"))


def assert_same(one: Gateway, other: Gateway, requests: Iterable[tuple[str, Headers]]) -> None:
    """Both gateways promise the same, whichever of these models is asked for with whichever headers."""
    assert one.listed == other.listed
    assert one.upstreams == other.upstreams
    for model, headers in requests:
        assert one.ask(model, headers) == other.ask(model, headers), (model, headers)
