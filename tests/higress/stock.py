"""A stock Envoy that is configured as Higress would configure its own out of the gateway's objects.

What is real: the routes in their order, every change that an EnvoyFilter makes, the errors, the
headers. What is not: Higress's own redirect, which stock Envoy has not, so a chain ends where it
begins; model-router, in whose place Envoy reads the model out of the body; all other plugins.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.manifests.envoy.proto import extension, typed
from components.manifests.higress.collection import objects
from stacks.settings import ModelSettings, StackSettings
from tests.gateway.fakes import Pod
from tests.gateway.harness import Gateway
from tests.higress import reader

Manifest = dict[str, Any]

CUSTOM_RESPONSE = "envoy.filters.http.custom_response"


def bootstrap(settings: StackSettings, gateway: Gateway, pods: Mapping[str, Sequence[Pod]], edge: bool) -> Manifest:
    """The whole configuration.

    Args:
        settings: the stack.
        gateway: whose ports the Envoy takes.
        pods: the pods of each model.
        edge: whether clients' internal headers are removed. Without, a test can ask a later place of a chain.
    """
    found = objects(settings)
    routes = [
        made for route in reader.routes(found) for made in (*reader.inserted(found, route.name), _route(found, route))
    ]
    table: Manifest = {"name": "http", "virtual_hosts": [{"name": "*", "domains": ["*"], "routes": routes}]}
    manager: Manifest = {
        "stat_prefix": "edge",
        "route_config": table,
        "use_remote_address": True,
        "http_filters": [
            _model_to_header(),
            extension(CUSTOM_RESPONSE, "envoy.extensions.filters.http.custom_response.v3.CustomResponse"),
            # Where Istio has it: behind the plugins, ahead of nothing but the router.
            extension("envoy.filters.http.fault", "envoy.extensions.filters.http.fault.v3.HTTPFault"),
            extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router"),
        ],
    }
    for patch in _patches(found):
        value = patch["patch"]["value"]
        match patch["applyTo"]:
            case "ROUTE_CONFIGURATION" if edge:
                reader.merge(table, value)
            case "NETWORK_FILTER":
                reader.merge(manager, {key: part for key, part in value["typed_config"].items() if key != "@type"})
    port = {"address": "127.0.0.1", "port_value": gateway.site.port}
    chain = {
        "filters": [
            {
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": typed(
                    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", **manager
                ),
            }
        ]
    }
    return {
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": gateway.site.admin_port}}},
        "static_resources": {
            "listeners": [{"name": "edge", "address": {"socket_address": port}, "filter_chains": [chain]}],
            "clusters": [
                *(_cluster(found, model, pods[model.name]) for model in settings.models),
                {"name": "outbound|8080||higress-console.higress-system.svc.cluster.local", "type": "STATIC"},
            ],
        },
    }


def _patches(found: Sequence[Manifest]) -> list[Manifest]:
    return [patch for one in reader.kind(found, "EnvoyFilter") for patch in one["spec"]["configPatches"]]


def _route(found: Sequence[Manifest], route: reader.Route) -> Manifest:
    headers = [{"name": name, "string_match": {"exact": value}} for name, value in route.headers.items()]
    if route.method:
        headers.append({"name": ":method", "string_match": {"exact": route.method}})
    changes = reader.patches(found, route.name)
    made: Manifest = {
        "name": route.name,
        "match": {("path" if route.exact_path else "prefix"): route.path, "headers": headers},
    }
    if "direct_response" not in changes:
        made["route"] = _action(route)
    filters = changes.get("typed_per_filter_config", {})
    if CUSTOM_RESPONSE in filters:
        filters[CUSTOM_RESPONSE] = _stock(filters[CUSTOM_RESPONSE])
    reader.merge(made, changes)
    return made


def _action(route: reader.Route) -> Manifest:
    shares = [{"name": _cluster_name(host), "weight": weight} for host, weight in route.destinations]
    return {"cluster": shares[0]["name"]} if len(shares) == 1 else {"weighted_clusters": {"clusters": shares}}


def _cluster_name(destination: str) -> str:
    host, _, port = destination.rpartition(":")
    return f"outbound|{port}||{host}"


def _stock(told: Manifest) -> Manifest:
    """A filter's configuration without what only Higress's Envoy knows."""
    value = {key: part for key, part in told["value"].items() if key != "with_request_body"}
    for matcher in value.get("custom_response_matcher", {}).get("matcher_list", {}).get("matchers", []):
        if matcher["on_match"]["action"]["typed_config"]["type_url"].endswith(".RedirectPolicy"):
            value = {}
    return {**told, "value": value}


def _cluster(found: Sequence[Manifest], model: ModelSettings, pods: Sequence[Pod]) -> Manifest:
    host = f"llm-{model.name}.internal.dns"
    addresses = [{"address": pod.address[0], "port_value": pod.address[1]} for pod in pods]
    made: Manifest = {
        "name": f"outbound|8080||{host}",
        "type": "STRICT_DNS",
        "load_assignment": {
            "cluster_name": host,
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": {"socket_address": address}}} for address in addresses]}
            ],
        },
    }
    for patch in _patches(found):
        if patch["applyTo"] == "CLUSTER" and patch["match"]["cluster"]["service"] == host:
            reader.merge(made, patch["patch"]["value"])
    return made


def _model_to_header() -> Manifest:
    header = {"header": {"key": reader.MODEL, "value": "%REQUEST_BODY(model)%"}}
    return extension(
        "envoy.filters.http.transform",
        "envoy.extensions.filters.http.transform.v3.TransformConfig",
        clear_route_cache=True,
        request_transformation={
            "headers_mutations": [{"append": {**header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}]
        },
    )


class HigressLike(Gateway):
    """A stock Envoy with what Higress would tell its own."""

    def __init__(self, folder: Path, pods: Mapping[str, Sequence[Pod]], *, edge: bool = True) -> None:
        super().__init__(folder, pods)
        self._edge = edge

    def configuration(self, settings: StackSettings) -> Manifest:
        return bootstrap(settings, self, self._pods, self._edge)

    def cluster(self, model: str) -> str:
        return f"outbound|8080||llm-{model}.internal.dns"
