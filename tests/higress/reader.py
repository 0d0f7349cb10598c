"""Reads the gateway's objects as Higress does, and says what becomes of a request.

The rules are those of Higress 2.2.4: which Ingress of a host comes first, which plugin rule counts,
where a redirect leads. Nothing here knows how the objects were made.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]
Headers = Mapping[str, str]

PREFIX = "higress.io/"
MODEL = "x-higress-llm-model"
FALLBACK = "x-higress-fallback-from"


@dataclass(frozen=True)
class Route:
    """A route as Envoy would have it."""

    name: str
    path: str
    exact_path: bool
    method: str | None
    headers: dict[str, str]
    destinations: tuple[tuple[str, int], ...]
    """Host and weight."""

    def matches(self, method: str, path: str, headers: Headers) -> bool:
        if self.method and method != self.method:
            return False
        if path != self.path if self.exact_path else not path.startswith(self.path):
            return False
        return all(headers.get(name) == value for name, value in self.headers.items())


def kind(objects: Sequence[Manifest], name: str) -> list[Manifest]:
    return [found for found in objects if found["kind"] == name]


def routes(objects: Sequence[Manifest]) -> list[Route]:
    """The routes in the order in which they are tried."""
    return sorted((_route(ingress) for ingress in kind(objects, "Ingress")), key=_order)


def _order(route: Route) -> tuple[Any, ...]:
    is_catch_all = route.path == "/" and not route.headers and not route.method
    return (is_catch_all, not route.exact_path, -len(route.path), route.method is None, -len(route.headers))


def _route(ingress: Manifest) -> Route:
    ((path,),) = [rule["http"]["paths"] for rule in ingress["spec"]["rules"]]
    said = {
        key.removeprefix(PREFIX): value
        for key, value in ingress["metadata"]["annotations"].items()
        if key.startswith(PREFIX)
    }
    marker = "exact-match-header-"
    assert not [key for key in said if "match-header" in key and not key.startswith(marker)]
    return Route(
        name=ingress["metadata"]["name"],
        path=path["path"],
        exact_path=path["pathType"] == "Exact",
        method=said.get("match-method"),
        headers={key.removeprefix(marker): value for key, value in said.items() if key.startswith(marker)},
        destinations=tuple(_destination(line) for line in said["destination"].splitlines()),
    )


def _destination(line: str) -> tuple[str, int]:
    share = re.fullmatch(r"(?:(\d+)% )?([^ ]+)", line)
    assert share, line
    return share[2], int(share[1] or 100)


def patches(objects: Sequence[Manifest], route: str) -> dict[str, Any]:
    """All changes of a route that leads to a model, merged as Istio merges them."""
    return _merged(_route_patches(objects, route, "MERGE", "ROUTE"))


def patches_of_redirect(objects: Sequence[Manifest], route: str) -> dict[str, Any]:
    """All changes of a route of the same name that sends clients to the port with TLS."""
    merged = _merged(_route_patches(objects, route, "MERGE", "REDIRECT"))
    inserted_there = _route_patches(objects, route, "INSERT_BEFORE", "REDIRECT")
    return {**merged, **({"inserted": inserted_there} if inserted_there else {})}


def inserted(objects: Sequence[Manifest], route: str) -> list[dict[str, Any]]:
    """Routes of Envoy's own form that are put ahead of a route."""
    # Istio merges first, so what is looked at is what the merge has made of the route.
    action = "DIRECT_RESPONSE" if "direct_response" in patches(objects, route) else "ROUTE"
    return _route_patches(objects, route, "INSERT_BEFORE", action)


def _merged(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for value in values:
        merge(merged, value)
    return merged


def _route_patches(objects: Sequence[Manifest], route: str, operation: str, action: str) -> list[dict[str, Any]]:
    """The changes of a route by filters in their order, for a route of that name with that action."""
    filters = sorted(kind(objects, "EnvoyFilter"), key=lambda found: int(found["spec"].get("priority", 0)))
    return [
        patch["patch"]["value"]
        for found in filters
        for patch in found["spec"]["configPatches"]
        if patch["applyTo"] == "HTTP_ROUTE" and patch["patch"]["operation"] == operation
        for match in [patch["match"]["routeConfiguration"]["vhost"]["route"]]
        if match["name"] == route and match.get("action", "ANY") in ("ANY", action)
    ]


def merge(base: dict[str, Any], change: Mapping[str, Any]) -> None:
    """Merge as protobuf does: messages by field, lists one behind the other, anything else replaced."""
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict) and "@type" not in value:
            merge(base[key], value)
        elif isinstance(value, list) and isinstance(base.get(key), list):
            base[key] = [*base[key], *value]
        else:
            base[key] = value


def rule_config(plugin: Manifest, route: str, service: str) -> dict[str, Any] | None:
    """What a plugin is told for a request, or None where it is told nothing."""
    spec = plugin["spec"]
    for rule in spec["matchRules"]:
        by_route = "ingress" not in rule or route in rule["ingress"]
        by_service = "service" not in rule or service in rule["service"]
        if by_route and by_service and not rule["configDisable"]:
            return dict(rule["config"])
    return None if spec["defaultConfigDisable"] else dict(spec.get("defaultConfig", {}))


def plugin(objects: Sequence[Manifest], name: str) -> Manifest | None:
    found = [
        one
        for one in kind(objects, "WasmPlugin")
        if one["metadata"]["labels"].get("higress.io/wasm-plugin-name") == name
    ]
    assert len(found) <= 1
    return found[0] if found else None


@dataclass(frozen=True)
class Hop:
    """A place in a chain: which hosts share it, and the model's name that each of them reads in the body."""

    route: str
    shares: tuple[tuple[str, int, str], ...]
    """Host, weight, model."""


@dataclass(frozen=True)
class Outcome:
    """What becomes of a request whose every model fails."""

    route: str
    hops: tuple[Hop, ...]
    body_limit_bytes: int
    consumers: frozenset[str] | None
    """Who may use it, or None for everybody."""


def ask(objects: Sequence[Manifest], model: str, headers: Headers | None = None) -> Outcome | None:
    """Follow a chat completion through all its failures. None where no AI route takes it."""
    table = routes(objects)
    seen = {**(headers or {}), MODEL: model}
    # Until the model's name is read, a request stands where it would without one, and there its body is kept or not.
    limit = _kept_bytes(patches(objects, _choose(table, {**seen, MODEL: ""}).name))
    first = _choose(table, seen)
    if not first.headers:
        return None
    hops: list[Hop] = []
    redirects_left = None
    route = first
    while True:
        hops.append(Hop(route.name, tuple(_share(objects, route, model, *target) for target in route.destinations)))
        changes = patches(objects, route.name)
        action = _on_5xx(changes)
        limit = min(limit, _kept_bytes(changes))
        # The first redirect of a request sets how many there may be, and with none left nothing is looked at.
        assert redirects_left is None or redirects_left > 0, "the bound ends the chain, and not its last route"
        if "request_headers_to_add" not in action:
            assert action["status_code"] == 503
            break
        redirects_left = (action["max_internal_redirects"] if redirects_left is None else redirects_left) - 1
        (header,) = action["request_headers_to_add"]
        seen[header["header"]["key"]] = header["header"]["value"]
        route = _choose(table, seen)
    return Outcome(first.name, tuple(hops), limit, _consumers(objects, first.name))


def _choose(table: Sequence[Route], headers: Headers) -> Route:
    return next(route for route in table if route.matches("POST", "/v1/chat/completions", headers))


def _share(objects: Sequence[Manifest], route: Route, model: str, host: str, weight: int) -> tuple[str, int, str]:
    service = host.rpartition(":")[0]
    mapper = plugin(objects, "model-mapper")
    told = mapper and rule_config(mapper, route.name, service)
    mapping = told["modelMapping"] if told else {}
    return host, weight, mapping.get(model, mapping.get("*", model))


def _on_5xx(changes: Mapping[str, Any]) -> dict[str, Any]:
    (matcher,) = _custom_response(changes)["custom_response_matcher"]["matcher_list"]["matchers"]
    assert matcher["predicate"]["single_predicate"]["value_match"] == {"exact": "5xx"}
    return dict(matcher["on_match"]["action"]["typed_config"]["value"])


def hops(objects: Sequence[Manifest], model: str) -> list[str]:
    """The routes of a model's chain, in the order in which they are asked."""
    outcome = ask(objects, model)
    assert outcome
    return [hop.route for hop in outcome.hops]


def redirect(objects: Sequence[Manifest], route: str) -> dict[str, str]:
    """The headers of the request that a route sends on when it has failed. Empty where the chain is at its end."""
    added = _on_5xx(patches(objects, route)).get("request_headers_to_add", [])
    return {each["header"]["key"]: each["header"]["value"] for each in added}


def _kept_bytes(changes: Mapping[str, Any]) -> int:
    """Largest body that is kept for another try, which is also the largest that is let in."""
    return int(_custom_response(changes).get("with_request_body", {}).get("max_request_bytes", 0))


def _custom_response(changes: Mapping[str, Any]) -> dict[str, Any]:
    filters = changes.get("typed_per_filter_config", {})
    return dict(filters.get("envoy.filters.http.custom_response", {}).get("value", {}))


def _consumers(objects: Sequence[Manifest], route: str) -> frozenset[str] | None:
    auth = plugin(objects, "key-auth")
    if not auth:
        return None
    default = auth["spec"]["defaultConfig"]
    known = frozenset(consumer["name"] for consumer in default["consumers"])
    told = rule_config({"spec": {**auth["spec"], "defaultConfigDisable": True}}, route, "")
    if told is None:
        return known if default["global_auth"] else None
    # An empty list lets nobody in.
    return known & frozenset(told["allow"])


def listed_models(objects: Sequence[Manifest]) -> list[str]:
    """What ``/v1/models`` lists."""
    body = patches(objects, "modelyard-models")["direct_response"]["body"]["inline_string"]
    return [entry["id"] for entry in json.loads(body)["data"]]
