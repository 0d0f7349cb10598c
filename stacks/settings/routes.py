"""Routes: what happens to requests that name a model."""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from stacks.settings.auth import TokenLimitSettings
from stacks.settings.base import Form, Int32, Name, Settings
from stacks.settings.lora import AdapterName

HeaderName = Annotated[
    str,
    Field(max_length=44),
    Form(
        r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        "is no name of a request header as HTTP/2 has them: use lower-case letters, digits and '-', and no '-' at the "
        "ends",
    ),
]
"""The name of a request header, in lower case. Higress reads it behind 19 characters of a key, which has 63."""


HeaderValue = Annotated[
    str,
    Form(
        r"^[^\x00-\x1f\x7f]*$",
        "has a control character, such as a line break, which no header can carry, and the gateway finds the route by "
        "one: write it without",
    ),
]
"""What a request header may hold."""


class UpstreamSettings(Settings):
    """A model that a route sends requests to, and its share of them."""

    model: Name
    """Name of the model."""
    adapter: AdapterName | None = None
    """The LoRA adapter of it that answers. Default: none, the model itself."""
    weight: int = Field(default=100, ge=0, le=100)
    """Share of the route's requests, in percent. A route's weights add up to 100."""


class TimeoutSettings(Settings):
    """How long a route waits, in seconds."""

    connect_seconds: float = Field(default=1.0, gt=0)
    """For a connection to a replica."""
    first_byte_seconds: float = Field(default=60.0, gt=0)
    """For the first byte of a streamed answer, from each model of the chain."""
    answer_seconds: float = Field(default=600.0, gt=0)
    """For an answer that is not streamed, from each model of the chain."""
    idle_seconds: float = Field(default=300.0, gt=0)
    """Between two events of a streamed answer."""


class LoadBalancingSettings(Settings):
    """How a model's replicas share a route's requests."""

    policy: Literal["least_load", "prefix_cache", "session"]
    """``least_load``: the replica with the fewest requests of all gateway pods. ``prefix_cache``: the one that
    has seen the beginning of the chat. ``session``: always the same one for the same ``sessionHeader``."""
    session_header: HeaderName = "x-session-id"
    """Request header that names the session."""


class ResponseCacheSettings(Settings):
    """Answers that are kept and given again to the same question.

    Chats are the same when all that the user says in them is. Neither the system's message nor sampling
    parameters count, so it is for routes whose callers agree on these.
    """

    seconds: Int32 = Field(ge=1)
    """How long an answer is kept."""
    shared: bool = False
    """Whether consumers get each other's answers. The cache can't tell them apart, so this has to be said."""


class RouteSettings(Settings):
    """What happens to requests that name a model."""

    model: Annotated[HeaderValue, Field(min_length=1, max_length=256)]
    """The ``model`` of the request body that the route answers to."""
    headers: dict[HeaderName, HeaderValue] = {}
    """Headers that a request must have beside it, for A/B tests. A route with more of them is tried first."""
    upstreams: tuple[UpstreamSettings, ...] = ()
    """Models that share the requests. Default: the model of the route's name, with all of them."""
    fallback: tuple[Name, ...] = ()
    """Models to ask, in this order, when an upstream fails before its first byte."""
    timeouts: TimeoutSettings = TimeoutSettings()
    """How long the route waits."""
    consumers: tuple[Name, ...] | None = None
    """Consumers that may use the route. Default: all that the gateway knows."""
    load_balancing: LoadBalancingSettings | None = None
    """How replicas share the requests. Default: the gateway's own way."""
    token_limit: TokenLimitSettings | None = None
    """Most tokens that each consumer may use on the route, or everybody together where none are known."""
    cache: ResponseCacheSettings | None = None
    """Answers that are kept. Default: none."""

    @cached_property
    def targets(self) -> tuple[UpstreamSettings, ...]:
        """The models that share the requests, spelled out."""
        return self.upstreams or (UpstreamSettings(model=self.model),)

    @property
    def reached(self) -> tuple[str, ...]:
        """The names of all models that may answer: those that share the requests, and those that stand in."""
        return (*(target.model for target in self.targets), *self.fallback)
