"""AI routes as Ingresses, and the plugins that find the model in a request and write another into it."""

from components.manifests.higress import names
from components.manifests.higress.plugins import rule, wasm_plugin
from components.manifests.objects import Manifest
from components.manifests.openai_api import MODEL_PATHS
from stacks.settings import RouteSettings, StackSettings, UpstreamSettings

NO_WAIT = {"pulumi.com/skipAwait": "true"}
"""Pulumi would wait for an address in the Ingress's status, which Higress may be told not to write."""


def ai_route_ingresses(stack: StackSettings, route: RouteSettings, annotations: dict[str, str]) -> list[Manifest]:
    """The Ingresses of a route and of its fallbacks, in the order of the chain.

    Args:
        stack: the stack.
        route: the route.
        annotations: what else the Ingresses are told, in Higress's annotations.
    """
    found = []
    for number, name in enumerate(names.hops(route)):
        matches = {
            # Exact, for by their prefixes 'qwen' would take the requests for 'qwen2'.
            f"higress.io/exact-match-header-{names.MODEL_HEADER}": route.model,
            **{f"higress.io/exact-match-header-{header}": value for header, value in route.headers.items()},
        }
        if number:
            matches[f"higress.io/exact-match-header-{names.FALLBACK_HEADER}"] = names.hop(route, number - 1)
        found.append(
            ingress(
                stack,
                name,
                {
                    "higress.io/destination": _destination(stack, targets(route, number)),
                    **matches,
                    "higress.io/ignore-path-case": "false",
                    # The console's default sends a POST three times before any fallback is asked.
                    "higress.io/enable-proxy-next-upstream": "true",
                    "higress.io/proxy-next-upstream": "off",
                    **annotations,
                },
            )
        )
    return found


def targets(route: RouteSettings, number: int) -> tuple[UpstreamSettings, ...]:
    """The models that share the requests at a place of the chain, of which 0 is the route's own."""
    if number == 0:
        return tuple(target for target in route.targets if target.weight)
    return (UpstreamSettings(model=route.fallback[number - 1]),)


def ingress(
    stack: StackSettings, name: str, annotations: dict[str, str], path: str = "/", path_type: str = "Prefix"
) -> Manifest:
    """An Ingress as the console writes it: its destination stands in an annotation."""
    gateway = stack.higress
    backend = {"resource": {"apiGroup": "networking.higress.io", "kind": "McpBridge", "name": names.BRIDGE}}
    rule_of_host = {"http": {"paths": [{"path": path, "pathType": path_type, "backend": backend}]}}
    spec: Manifest = {
        "ingressClassName": gateway.ingress_class,
        "rules": [{"host": gateway.domain, **rule_of_host} if gateway.domain else rule_of_host],
    }
    if gateway.domain and gateway.tls:
        spec["tls"] = [{"hosts": [gateway.domain], "secretName": gateway.tls.secret_name}]
        annotations = {**annotations, "higress.io/ssl-redirect": "true"}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": names.metadata(
            stack,
            name,
            labels={f"higress.io/domain_{gateway.domain or names.ANY_DOMAIN}": "true"},
            annotations={**annotations, **NO_WAIT},
        ),
        "spec": spec,
    }


def model_router(stack: StackSettings) -> Manifest:
    """The plugin that reads the model's name out of a request and puts it where routes can match it."""
    return wasm_plugin(
        stack,
        "model-router",
        default={"modelToHeader": names.MODEL_HEADER, "enableOnPathSuffix": list(MODEL_PATHS)},
    )


def model_mapper(stack: StackSettings) -> Manifest:
    """The plugin that writes the name that a model knows itself by into the requests that reach it."""
    rules = [
        # One for each Ingress: the console takes a longer one apart wrongly, and other routes lose their names.
        rule({"modelMapping": mapped}, ingresses=[name], services=[names.service(stack.model(target.model))])
        for route in stack.all_routes
        for number, name in enumerate(names.hops(route))
        for target in targets(route, number)
        if (mapped := mapping(stack, route, target, number))
    ]
    # In the console's order, so that an edit there moves nothing.
    return wasm_plugin(stack, "model-mapper", rules=sorted(rules, key=lambda one: (one["service"], one["ingress"])))


def mapping(stack: StackSettings, route: RouteSettings, target: UpstreamSettings, number: int) -> dict[str, str]:
    """What becomes of the model's name in a request, at a place of the chain. Empty where it stays."""
    names_of_model = stack.model(target.model).names
    # One that stands in is asked by its own name, even where it knows the other's: its answer then tells of it.
    known = (target.adapter,) if target.adapter else names_of_model[:1] if number else names_of_model
    return {} if route.model in known else {"*": known[0]}


def _destination(stack: StackSettings, upstreams: tuple[UpstreamSettings, ...]) -> str:
    hosts = [f"{names.service(stack.model(upstream.model))}:{names.MODEL_PORT}" for upstream in upstreams]
    if len(hosts) == 1:
        return hosts[0]
    return "\n".join(f"{upstream.weight}% {host}" for upstream, host in zip(upstreams, hosts, strict=True))
