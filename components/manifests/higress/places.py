"""The Ingresses that a plugin's rules name, by what the plugin is there for."""

from components.manifests.higress import names
from components.manifests.higress.answers import MODELS, UNKNOWN
from stacks.settings import RouteSettings, StackSettings


def first_hops(stack: StackSettings) -> list[str]:
    """Where requests for models come in."""
    return [names.hop(route, 0) for route in stack.all_routes]


def all_hops(stack: StackSettings) -> list[str]:
    """Every place where a model may answer."""
    return [name for route in stack.all_routes for name in names.hops(route)]


def entrances(stack: StackSettings) -> list[str]:
    """Where requests of any kind come in."""
    return [*first_hops(stack), MODELS, UNKNOWN]


def everywhere(stack: StackSettings) -> list[str]:
    """All of them.

    A plugin that runs ahead of model-router needs this: until the model's name is read every request
    stands on the Ingress that takes what no other one does.
    """
    return [*all_hops(stack), MODELS, UNKNOWN]


def allowed(stack: StackSettings, route: RouteSettings) -> list[str]:
    """Consumers that may use a route. With none at the gateway, anybody may."""
    everybody = [consumer.name for consumer in stack.gateway.auth.consumers]
    return everybody if route.consumers is None else list(route.consumers)
