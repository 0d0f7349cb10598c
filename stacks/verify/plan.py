"""What is to be checked of a stack, out of its settings alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from stacks.settings import ConsumerSettings, RouteSettings, StackSettings

_DOTS_OF_A_TOKEN = 2
"""A signed token is header, payload and signature (RFC 7515, section 7.1)."""


@dataclass(frozen=True)
class Caller:
    """In whose name a route is asked: the header that says so, or why nobody can."""

    header: tuple[str, str] | None = None
    """The header with the key or token. None: no caller has to say who they are."""
    missing: str | None = None
    """Why the route cannot be asked. None: it can."""


@dataclass(frozen=True)
class Expected:
    """An answer that a route promises."""

    route: RouteSettings
    """The route."""
    models: tuple[str, ...]
    """The models of which one answers."""
    places: int = 0
    """How many places of its chain count as failed. 0: the route's own models answer."""
    stream: bool = False
    """Whether the answer is a stream."""

    @property
    def kind(self) -> str:
        """What kind of promise it is."""
        if self.places:
            return "fallback"
        return "streamed" if self.stream else "plain"

    @property
    def what(self) -> str:
        """The promise, as a short sentence."""
        if self.places:
            return f"{self.models[0]} answers when {_listed(first_places(self.route, self.places), 'and')} failed"
        form = "a stream" if self.stream else "an answer"
        return f"{form} of {_listed(self.models, 'or')}, with its tokens counted"


def label(route: RouteSettings) -> str:
    """How a route is called: by its model, and by the headers that it asks for."""
    asked = ", ".join(f"{name}: {value}" for name, value in route.headers.items())
    return f"{route.model} ({asked})" if asked else route.model


def answers(route: RouteSettings) -> list[Expected]:
    """The answers that a route promises while all of its models are well."""
    models = tuple(target.model for target in route.targets if target.weight)
    return [Expected(route, models), Expected(route, models, stream=True)]


def fallbacks(route: RouteSettings) -> list[Expected]:
    """The answers that it promises when models fail, one a place of its chain."""
    return [Expected(route, (model,), places) for places, model in enumerate(route.fallback, start=1)]


def first_places(route: RouteSettings, places: int) -> list[str]:
    """The models at the first places of a route's chain, of which the first may be shared by several."""
    own = " or ".join(target.model for target in route.targets if target.weight)
    return [own, *route.fallback][:places]


def unready(stack: StackSettings, expected: Expected) -> str | None:
    """Why an answer cannot be expected: a model that may have no replica. None: it can be."""
    names = [*expected.models, *expected.route.fallback[: expected.places]]
    if expected.places:
        names += [target.model for target in expected.route.targets if target.weight]
    for name in dict.fromkeys(names):
        model = stack.model(name)
        if model.scales_to_zero:
            return f"{name} may have no replica (autoscaling.minReplicas: 0), and asking would start one"
        if model.least_replicas == 0:
            return f"{name} has no replica (replicas: 0)"
    return None


def no_conversation(stack: StackSettings, expected: Expected) -> str | None:
    """Why a model says nothing that could be checked. None: it does."""
    for name in expected.models:
        if stack.model(name).engine.pools and expected.stream:
            return f"{name} says something of texts, and streams nothing"
    return None


def caller(stack: StackSettings, route: RouteSettings, api_key: str | None) -> Caller:
    """In whose name a route is asked.

    Args:
        stack: the stack.
        route: the route.
        api_key: a key or token to take in place of the stack's own keys.
    """
    consumers = stack.gateway.auth.consumers
    if not consumers:
        return Caller()
    allowed = [each for each in consumers if route.consumers is None or each.name in route.consumers]
    if not allowed:
        return Caller(missing="nobody may use it: its consumers are an empty list")
    if api_key is not None:
        return _with_given(api_key, consumers, allowed)
    for each in allowed:
        if each.keys:
            return Caller(_header(each, each.keys[0].get_secret_value()))
    known = _listed([each.name for each in allowed], "and")
    return Caller(missing=f"{known} are known by tokens, which the stack does not have: `modelyard verify` takes one")


def any_caller(stack: StackSettings, api_key: str | None) -> Caller:
    """In whose name the gateway is asked for what all callers may have."""
    return caller(stack, RouteSettings(model="any"), api_key)


def header_of(key: str, consumers: Sequence[ConsumerSettings]) -> tuple[str, str]:
    """The header that a key or token is sent in, as the one of these consumers sends it whose it is."""
    owner = _owner(key, consumers)
    # No key that the stack knows: a token, if it has the form of one, or what the gateway is to judge.
    by_token = [each for each in consumers if each.jwt and key.count(".") == _DOTS_OF_A_TOKEN]
    known = [owner] if owner else by_token
    return _header(known[0], key) if known else _bearer(key)


def _with_given(key: str, consumers: Sequence[ConsumerSettings], allowed: Sequence[ConsumerSettings]) -> Caller:
    owner = _owner(key, consumers)
    if owner and owner not in allowed:
        return Caller(missing=f"the key is that of {owner.name}, who may not use the route")
    return Caller(header_of(key, allowed))


def _owner(key: str, consumers: Sequence[ConsumerSettings]) -> ConsumerSettings | None:
    return next((each for each in consumers if any(own.get_secret_value() == key for own in each.keys)), None)


def _header(consumer: ConsumerSettings, key: str) -> tuple[str, str]:
    if consumer.jwt:
        return (consumer.jwt.header, consumer.jwt.prefix + key)
    return _bearer(key)


def _bearer(key: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {key}")


def _listed(names: list[str] | tuple[str, ...], joint: str) -> str:
    return f"{', '.join(names[:-1])} {joint} {names[-1]}" if len(names) > 1 else names[0]
