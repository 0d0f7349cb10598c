"""All objects of a Higress gateway beside its chart, in the order in which they are needed."""

from components.manifests.higress import (
    answers,
    authentication,
    balancing,
    chains,
    console,
    content,
    edge,
    limits,
    names,
    providers,
    routing,
    upstreams,
)
from components.manifests.objects import Manifest
from stacks.settings import RouteSettings, StackSettings


def secret_objects(stack: StackSettings) -> list[Manifest]:
    """The Secrets that plugins refer to. A plugin that comes before its Secret takes the reference for the value."""
    others = [limits.redis_secret(stack), content.security_guard_secret(stack)]
    return [*authentication.api_key_secrets(stack), *(manifest for manifest in others if manifest)]


def plugin_objects(stack: StackSettings) -> list[Manifest]:
    """What routes lean on: the addresses of all that is called, and the plugins."""
    others = [limits.redis_registry(stack), content.security_guard_registry(stack)]
    found = [
        providers.mcp_bridge(stack, [registry for registry in others if registry]),
        providers.ai_proxy(stack),
        routing.model_router(stack),
        routing.model_mapper(stack),
        content.statistics(stack),
        authentication.key_auth(stack),
        authentication.jwt_auth(stack),
        content.ip_restriction(stack),
        content.cors(stack),
        content.data_masking(stack),
        content.security_guard(stack),
        content.cache(stack),
        limits.consumer_limits(stack),
        limits.route_limits(stack),
        limits.quota(stack),
        balancing.load_balancer(stack),
    ]
    return [manifest for manifest in found if manifest]


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
    annotations = balancing.route_annotations(route)
    found = [
        *routing.ai_route_ingresses(stack, route, annotations),
        chains.first_redirect(stack, route),
        chains.route_filter(stack, route),
        console.ai_route_record(stack, route, annotations),
    ]
    return [manifest for manifest in found if manifest]


def objects(stack: StackSettings) -> list[Manifest]:
    """Everything."""
    return [*secret_objects(stack), *plugin_objects(stack), *route_objects(stack)]


def object_name(manifest: Manifest) -> str:
    """A name that no other object of the gateway has, whatever its kind."""
    name = str(manifest["metadata"]["name"]).removesuffix(names.INTERNAL)
    return f"{name}-{manifest['kind'].lower()}"
