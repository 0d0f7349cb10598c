"""Names of what Higress's console writes for an AI provider and an AI route, and of what is added to it.

They follow version 2.2.4 of the console (``higress-group/higress-console``): only objects of these
names and labels are listed by it, and an edit there rewrites these very objects.
"""

import hashlib
import re

from components.manifests.objects import Manifest
from stacks.settings import ModelSettings, RouteSettings, StackSettings

MODEL_HEADER = "x-higress-llm-model"
"""Internal request header: the ``model`` of the body, set by model-router."""
FALLBACK_HEADER = "x-higress-fallback-from"
"""Internal request header: the route whose models have failed, set by the redirect to the next one."""
CONSUMER_HEADER = "x-mse-consumer"
"""Internal request header: the consumer, set by key-auth and jwt-auth."""
ORIGINAL_AUTH_HEADER = "x-hi-original-auth"
"""Internal request header: the caller's ``authorization``, kept by ai-proxy over redirects."""
SERVED_BY_HEADER = "x-modelyard-served-by"
"""Response header: the model that answered."""
FALLBACK_FROM_HEADER = "x-modelyard-fallback-from"
"""Response header: the model that was asked for, when another one answered in its place."""

MODEL_PORT = 8080
"""Port of a model's pods."""
BRIDGE = "default"
"""The only McpBridge that Higress reads."""
GATEWAY = "higress-gateway"
"""Deployment and Service of the gateway, and the ``app`` label of its pods."""
ANY_DOMAIN = "higress-default-domain"
"""What the console calls a route without a domain."""
METADATA = "modelyard"
"""Namespace of the clusters' metadata: ``model``."""

TAKE_BACK = {"pulumi.com/patchForce": "true"}
"""Whoever else writes an object, as the console does, owns what it wrote, and without this no update gets past it."""

INTERNAL = ".internal"
"""Ending of names that the console keeps for itself and hides from its general lists."""

_LONGEST = 63
"""Longest name of a model that is an AI route's as it stands. Objects' names hold it and more, 253 in all."""
_READABLE = 40
"""What stays of other names, ahead of the digest."""


def ai_route(route: RouteSettings) -> str:
    """The AI route's name, as the console shows it: the model's where an object can be called so.

    Other names are made fit, with a digest that keeps them apart.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", route.model.lower()).strip("-")
    if plain == route.model and len(plain) <= _LONGEST and not route.headers:
        return plain
    digest = hashlib.sha256(repr((route.model, sorted(route.headers.items()))).encode()).hexdigest()[:8]
    return f"{plain[:_READABLE].strip('-')}-{digest}".removeprefix("-")


def config_map(route: RouteSettings) -> str:
    """The ConfigMap by which the console lists the AI route."""
    return f"ai-route-{ai_route(route)}"


def hop(route: RouteSettings, number: int) -> str:
    """The Ingress, and by that the Envoy route, of a place in the chain: 0 is the route's own models."""
    endings = {0: "", 1: ".fallback"}
    return f"{config_map(route)}{endings.get(number, f'.fallback-{number}')}{INTERNAL}"


def hops(route: RouteSettings) -> list[str]:
    """The Ingresses of the whole chain."""
    return [hop(route, number) for number in range(len(route.fallback) + 1)]


def registry(model: ModelSettings) -> str:
    """The model's entry in the McpBridge."""
    return f"llm-{model.name}{INTERNAL}"


def service(model: ModelSettings) -> str:
    """The host that routes and plugins know the model by."""
    return f"{registry(model)}.dns"


def model_host(stack: StackSettings, model: ModelSettings) -> str:
    """The headless Service, whose name resolves to the addresses of all ready pods."""
    # A ClusterIP would be one endpoint, so no balancing, health or affinity by pod.
    return f"{model.name}.{stack.cluster.namespace}.svc.cluster.local"


def metadata(
    stack: StackSettings, name: str, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None
) -> Manifest:
    """The metadata of an object as the console writes it, in the gateway's namespace."""
    all_labels = {"higress.io/resource-definer": "higress", **(labels or {})}
    all_annotations = {**(annotations or {}), **TAKE_BACK}
    if name.endswith(INTERNAL):
        all_labels["higress.io/internal"] = "true"
        all_annotations["higress.io/comment"] = "PLEASE DO NOT EDIT DIRECTLY. This resource is managed by Higress."
    return {
        "name": name,
        "namespace": stack.higress.namespace,
        "labels": all_labels,
        "annotations": all_annotations,
    }
