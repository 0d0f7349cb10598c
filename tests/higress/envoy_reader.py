"""Reads the configuration of the ``envoy`` gateway as Envoy does, and says what becomes of a request.

Nothing here knows how the configuration was made.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from tests.gateway.lua import Program
from tests.higress.contract import Gateway, Headers, Place, Promise, Share, Upstream, seconds

Json = dict[str, Any]

METHOD, PATH = ":method", ":path"


@cache
def _program(source: str) -> Program:
    return Program(source)


class EnvoyReader:
    """Follows requests through the three parts of a configuration."""

    def __init__(self, bootstrap: Json, clusters: Json, routes: Json) -> None:
        self._listeners = {found["name"]: found for found in bootstrap["static_resources"]["listeners"]}
        self._clusters = {found["name"]: found for found in clusters["resources"]}
        ((table,),) = [routes["resources"]]
        (self._host,) = table["virtual_hosts"]
        self._edge = next(
            manager
            for manager in map(_manager, self._listeners.values())
            if manager.get("rds", {}).get("route_config_name") == table["name"]
        )

    def gateway(self) -> Gateway:
        return Gateway(self.ask, self.listed(), self.upstreams())

    def ask(self, model: str, headers: Headers) -> Promise | None:
        # The edge strips what only it sets, and then sets it.
        sent = {key: value for key, value in headers.items() if not self._is_stripped(key)}
        seen = {METHOD: "POST", PATH: "/v1/chat/completions", **sent, **self._read_from_body(model)}
        streamed = self._promise(model, {**seen, **self._read_from_body(model, stream=True)})
        plain = self._promise(model, seen)
        if not streamed or not plain:
            assert streamed == plain
            return None
        assert (streamed.shares, streamed.consumers) == (plain.shares, plain.consumers)
        longest = max(streamed.silence_seconds, plain.silence_seconds)
        return Promise(plain.shares, plain.body_limit_bytes, plain.consumers, longest)

    def listed(self) -> list[str]:
        route = self._choose({METHOD: "GET", PATH: "/v1/models"}, None)
        answer = route["direct_response"]
        assert answer["status"] == 200
        # A JSON format, in which two percent signs stand for one.
        return [entry["id"].replace("%%", "%") for entry in answer["body_format"]["json_format"]["data"]]

    def upstreams(self) -> dict[str, Upstream]:
        found = {}
        for cluster in self._clusters.values():
            if cluster.get("type") == "STRICT_DNS":
                (check,) = cluster["health_checks"]
                found[_address(cluster)] = Upstream(
                    connect_seconds=seconds(cluster["connect_timeout"]),
                    health_path=check["http_health_check"]["path"],
                    panics=cluster["common_lb_config"]["healthy_panic_threshold"]["value"] != 0,
                )
        return found

    def _promise(self, model: str, seen: Headers) -> Promise | None:
        route = self._choose(seen, model)
        if "direct_response" in route:
            assert route["direct_response"]["status"] == 404
            return None
        action = route["route"]
        shares = action.get("weighted_clusters", {"clusters": [{"name": action.get("cluster"), "weight": 100}]})
        retry = action["retry_policy"]
        # An answer that isn't streamed is silent until it is whole.
        silence = seconds(retry.get("per_try_idle_timeout", retry["per_try_timeout"]))
        return Promise(
            frozenset(
                Share(share["weight"], self._places(share["name"], model, retry)) for share in shares["clusters"]
            ),
            self._body_limit(),
            self._consumers(route),
            silence,
        )

    def _places(self, chain: str, model: str, retry: Json) -> tuple[Place, ...]:
        kind = self._clusters[chain]["cluster_type"]
        assert kind["name"] == "envoy.clusters.composite"
        # Each try takes the next one, and there is no try behind the last one.
        asked = [member["name"] for member in kind["typed_config"]["clusters"]][: 1 + retry["num_retries"]]
        places = []
        for member, same in groupby(asked):
            tries = len([*same])
            again_on = frozenset(retry["retry_on"].split(",")) if tries > 1 else frozenset()
            places.append(Place(*self._destination(member, model), tries, again_on))
        return tuple(places)

    def _destination(self, name: str, model: str) -> tuple[str, str]:
        """Where a cluster leads, and the model's name that arrives there."""
        cluster = self._clusters[name]
        endpoint = _endpoint(cluster)
        if "socket_address" in endpoint["endpoint"]["address"]:
            return _address(cluster), model
        listener = self._listeners[endpoint["endpoint"]["address"]["envoy_internal_address"]["server_listener_name"]]
        state = _filter_state(cluster, listener, endpoint["metadata"]["filter_metadata"])
        manager = _manager(listener)
        told = next(
            found["typed_config"]["request_transformation"]["body_transformation"]
            for found in manager["http_filters"]
            if found["name"] == "envoy.filters.http.transform"
        )
        assert told["action"] == "MERGE"
        return self._address_of_hop(manager, state), _formatted(told["body_format"]["json_format"]["model"], state)

    def _address_of_hop(self, manager: Json, state: Mapping[str, str]) -> str:
        (mutation,) = _early_mutations(manager)
        header = mutation["append"]["header"]
        ((route,),) = [host["routes"] for host in manager["route_config"]["virtual_hosts"]]
        assert route["route"]["cluster_header"] == header["key"]
        return _address(self._clusters[_formatted(header["value"], state)])

    def _is_stripped(self, header: str) -> bool:
        for mutation in _early_mutations(self._edge):
            prefix = mutation.get("remove_on_match", {}).get("key_matcher", {}).get("prefix")
            if header == mutation.get("remove") or (prefix and header.startswith(prefix)):
                return True
        return False

    def _read_from_body(self, model: str, *, stream: bool = False) -> dict[str, str]:
        body = {"model": model, **({"stream": True} if stream else {})}
        program = _program(self._filter("lua")["default_source_code"]["inline_string"])
        read = program.request(json.dumps(body).encode(), "/v1/chat/completions").headers
        return {key: value for key, value in read.items() if key not in (METHOD, PATH)}

    def _body_limit(self) -> int:
        limits = {
            found["typed_config"]["max_request_bytes"]
            for listener in self._listeners.values()
            for found in _manager(listener)["http_filters"]
            if found["name"] == "envoy.filters.http.buffer"
        }
        (limit,) = limits
        return int(limit)

    def _consumers(self, route: Json) -> frozenset[str] | None:
        if not self._has_filter("api_key_auth"):
            return None
        auth = self._filter("api_key_auth")
        known = frozenset(credential["client"] for credential in auth["credentials"])
        own = route.get("typed_per_filter_config", {}).get("envoy.filters.http.rbac")
        if own is None:
            return known
        assert self._has_filter("rbac")
        rules = own["rbac"]["rules"]
        assert rules["action"] == "ALLOW"
        principals = [
            principal["header"] for policy in rules["policies"].values() for principal in policy["principals"]
        ]
        assert {header["name"] for header in principals} <= {auth["forwarding"]["header"]}
        return frozenset(header["string_match"]["exact"] for header in principals)

    def _has_filter(self, name: str) -> bool:
        return f"envoy.filters.http.{name}" in [found["name"] for found in self._edge["http_filters"]]

    def _filter(self, name: str) -> Json:
        return next(
            dict(found["typed_config"])
            for found in self._edge["http_filters"]
            if found["name"] == f"envoy.filters.http.{name}"
        )

    def _choose(self, seen: Headers, model: str | None) -> Json:
        matcher = self._host["matcher"]
        tree = matcher.get("matcher_tree")
        by_model: Json = tree["exact_match_map"]["map"] if tree else {}
        key = seen.get(tree["input"]["typed_config"]["header_name"], "") if tree else ""
        action = by_model.get(key, matcher["on_no_match"])["action"]["typed_config"]
        return next(route for route in action["routes"] if _matches(route["match"], seen, model))


def _matches(match: Json, seen: Headers, model: str | None) -> bool:
    path = seen[PATH]
    on_path = (
        match.get("path") == path
        or ("prefix" in match and path.startswith(match["prefix"]))
        or ("safe_regex" in match and bool(re.fullmatch(match["safe_regex"]["regex"], path)))
    )
    on_headers = all(_matches_header(header, seen) for header in match.get("headers", ()))
    return on_path and on_headers and all(_matches_body(one, model) for one in match.get("dynamic_metadata", ()))


def _matches_header(wanted: Json, seen: Headers) -> bool:
    value = seen.get(wanted["name"])
    if value is None:
        return False
    return bool(wanted.get("present_match")) or value == wanted["string_match"]["exact"]


def _matches_body(wanted: Json, model: str | None) -> bool:
    """Whether what was read from a body with nothing wrong in it fits."""
    ((key,),) = [[part["key"] for part in wanted["path"]]]
    found = {"model": model}.get(key)
    value = wanted["value"]
    if found is None:
        fits = False
    elif "present_match" in value:
        fits = True
    else:
        text = value["string_match"]
        fits = text.get("exact") == found or bool(re.fullmatch(text.get("safe_regex", {}).get("regex", "$^"), found))
    return fits is not wanted.get("invert", False)


def _manager(listener: Json) -> Json:
    (chain,) = listener["filter_chains"]
    return dict(chain["filters"][-1]["typed_config"])


def _early_mutations(manager: Json) -> Sequence[Json]:
    (extension,) = manager["early_header_mutation_extensions"]
    return list(extension["typed_config"]["mutations"])


def _endpoint(cluster: Json) -> Json:
    ((endpoint,),) = [group["lb_endpoints"] for group in cluster["load_assignment"]["endpoints"]]
    return dict(endpoint)


def _address(cluster: Json) -> str:
    address = _endpoint(cluster)["endpoint"]["address"]["socket_address"]
    return f"{address['address'].rstrip('.')}:{address['port_value']}"


def _filter_state(cluster: Json, listener: Json, metadata: Json) -> dict[str, str]:
    """What of the endpoint's metadata arrives in the filter state behind an internal listener."""
    passed = {one["name"] for one in cluster["transport_socket"]["typed_config"]["passthrough_metadata"]}
    (first, _) = listener["filter_chains"][0]["filters"]
    found = {}
    for rule in first["typed_config"]["on_new_connection"]:
        text = rule["format_string"]["text_format_source"]["inline_string"]
        read = re.fullmatch(r"%DYNAMIC_METADATA\(([^:]+):([^:]+)\)%", text)
        assert read, json.dumps(rule)
        if read[1] in passed:
            found[rule["object_key"]] = str(metadata[read[1]][read[2]])
    return found


def _formatted(text: str, state: Mapping[str, str]) -> str:
    read = re.fullmatch(r"%FILTER_STATE\((.+):PLAIN\)%", text)
    assert read, text
    return state[read[1]]
