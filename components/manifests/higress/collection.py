"""All objects of a Higress gateway beside its chart, in the order in which they are needed."""

from components.manifests.higress import answers, chains, console, edge, names, providers, routing, upstreams
from components.manifests.objects import Manifest
from stacks.settings import RouteSettings, StackSettings


def plugin_objects(stack: StackSettings) -> list[Manifest]:
    """What routes lean on: the models' addresses, and the plugins."""
    return [
        providers.mcp_bridge(stack),
        providers.ai_proxy(stack),
        routing.model_router(stack),
        routing.model_mapper(stack),
    ]


def route_objects(stack: StackSettings) -> list[Manifest]:
    """The routes, and what holds for all of them."""
    shared = [
        edge.edge_filter(stack),
        upstreams.upstream_filter(stack),
        answers.answer_filter(stack),
        *answers.answer_ingresses(stack),
        console.domain_record(stack),
    ]
    own = [found for route in stack.all_routes for found in ai_route_objects(stack, route)]
    return [found for found in (*shared, *own) if found]


def ai_route_objects(stack: StackSettings, route: RouteSettings) -> list[Manifest]:
    """What one AI route is made of, and nothing that another one shares."""
    found = [
        *routing.ai_route_ingresses(stack, route, {}),
        chains.first_redirect(stack, route),
        chains.route_filter(stack, route),
        console.ai_route_record(stack, route),
    ]
    return [manifest for manifest in found if manifest]


def objects(stack: StackSettings) -> list[Manifest]:
    """Everything."""
    return [*plugin_objects(stack), *route_objects(stack)]


def object_name(manifest: Manifest) -> str:
    """A name that no other object of the gateway has, whatever its kind."""
    name = str(manifest["metadata"]["name"]).removesuffix(names.INTERNAL)
    return f"{name}-{manifest['kind'].lower()}"
