"""EnvoyFilters: changes to the configuration that Higress makes of its other objects."""

from collections.abc import Sequence

from components.manifests.envoy.proto import Json
from components.manifests.higress import names
from components.manifests.objects import Manifest
from stacks.settings import StackSettings


def envoy_filter(stack: StackSettings, name: str, patches: Sequence[Json], *, yields: bool = False) -> Manifest:
    """The object that holds some changes.

    Args:
        stack: the stack.
        name: the object's name.
        patches: the changes.
        yields: whether it comes before the console's own, which then count where both say something.
    """
    spec: Manifest = {"configPatches": list(patches)}
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": names.metadata(stack, name),
        "spec": {"priority": -1, **spec} if yields else spec,
    }


def on_route(name: str, value: Json) -> Json:
    """A change of the route that an Ingress of the gateway's namespace makes.

    With TLS the route of that name on the plain port redirects to the other one, and stays as it is:
    a redirect into which an upstream's settings are merged is no route at all.
    """
    return {
        "applyTo": "HTTP_ROUTE",
        "match": _route(name, "ROUTE"),
        "patch": {"operation": "MERGE", "value": value},
    }


def before_answer(name: str, value: Json) -> Json:
    """A new route ahead of the one that an Ingress of the gateway's namespace makes, and that answers by itself.

    Routes are changed before others are put in, so it is the change that made it one that answers.
    """
    return {
        "applyTo": "HTTP_ROUTE",
        "match": _route(name, "DIRECT_RESPONSE"),
        "patch": {"operation": "INSERT_BEFORE", "value": value},
    }


def _route(name: str, action: str) -> Json:
    vhost = {"route": {"name": name, "action": action}}
    return {"context": "GATEWAY", "routeConfiguration": {"vhost": vhost}}


def on_route_table(value: Json) -> Json:
    """A change of all route tables."""
    return {
        "applyTo": "ROUTE_CONFIGURATION",
        "match": {"context": "GATEWAY"},
        "patch": {"operation": "MERGE", "value": value},
    }


def on_connection_manager(value: Json) -> Json:
    """A change of the HTTP connection manager. Each new one drains the clients' connections."""
    return {
        "applyTo": "NETWORK_FILTER",
        "match": {
            "context": "GATEWAY",
            "listener": {"filterChain": {"filter": {"name": "envoy.filters.network.http_connection_manager"}}},
        },
        "patch": {
            "operation": "MERGE",
            "value": {
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network"
                    ".http_connection_manager.v3.HttpConnectionManager",
                    **value,
                },
            },
        },
    }


def on_cluster(service: str, value: Json) -> Json:
    """A change of the cluster of a host that Higress knows."""
    return {
        "applyTo": "CLUSTER",
        "match": {"context": "GATEWAY", "cluster": {"service": service}},
        "patch": {"operation": "MERGE", "value": value},
    }


def typed_struct(message: str, value: Json) -> Json:
    """A message of Higress's own Envoy, whose fields the control plane doesn't know."""
    return {
        "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
        "type_url": f"type.googleapis.com/{message}",
        "value": value,
    }
