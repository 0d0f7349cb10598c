"""Routes of Envoy, from the clusters in a ConfigMap that it watches, or in a file that it starts with."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import yaml

from policies.pack.resource import Resource
from policies.pack.routing.route import Route, Target
from policies.pack.rule import View, each
from policies.pack.values import Properties, at, items, mapping, text

CHAINS = ("envoy.clusters.composite", "envoy.clusters.aggregate")
"""Clusters that ask others, one after the other."""
METADATA = "modelyard"
"""Namespace of endpoints' metadata in which the model's name stands, where the address is an internal listener's."""


def routes(view: View) -> Iterator[Route]:
    """The routes of all Envoys whose configuration is in the stack: one for each chain of clusters."""
    return each(view.of_kind("ConfigMap", "Secret"), _chains)


def _chains(resource: Resource) -> Iterator[Route]:
    known = {text(found, "name"): found for document in documents(resource) for found in clusters(document)}
    for name, cluster in known.items():
        members = _members(cluster)
        if not members:
            continue
        first, *others = (_target(member, known) for member in members)
        # The same cluster once more is a second try, and no fallback.
        is_lone = len(set(members)) == 1
        called = f"the chain {name!r}"
        yield Route(called, called, resource, (first,), () if is_lone else tuple(others))


def documents(resource: Resource) -> Iterator[Properties]:
    """The configurations of Envoy that a ConfigMap or a Secret holds."""
    plain, encoded = mapping(resource.props, "data"), resource.kind == "Secret"
    for source, is_encoded in ((plain, encoded), (mapping(resource.props, "stringData"), False)):
        for key in source:
            if key.endswith((".json", ".yaml", ".yml")):
                found = _parsed(text(source, key), encoded=is_encoded)
                if isinstance(found, Mapping) and ("static_resources" in found or "resources" in found):
                    yield found


def clusters(document: Properties) -> list[Properties]:
    """The clusters of a configuration, or of a file of them."""
    return [*items(document, "static_resources", "clusters"), *items(document, "resources")]


def listeners(document: Properties) -> list[Properties]:
    """The listeners of a configuration that others can connect to."""
    found = [*items(document, "static_resources", "listeners"), *items(document, "resources")]
    return [listener for listener in found if at(listener, "address", "socket_address") is not None]


def _parsed(content: str, *, encoded: bool) -> Any:
    try:
        plain = base64.b64decode(content, validate=True).decode() if encoded else content
    except ValueError:
        return None
    # What is JSON is read as JSON, for YAML takes its time.
    for read in (json.loads, partial(yaml.load, Loader=yaml.CSafeLoader)):
        with suppress(ValueError, yaml.YAMLError):
            return read(plain)
    return None


def _members(cluster: Properties) -> list[str]:
    kind = mapping(cluster, "cluster_type")
    if text(kind, "name") not in CHAINS:
        return []
    members = items(kind, "typed_config", "clusters")
    return [member if isinstance(member, str) else text(member, "name") for member in members]


def _target(name: str, known: Mapping[str, Properties]) -> Target:
    cluster = known.get(name)
    if cluster is None:
        return Target(name, None)
    for locality in items(cluster, "load_assignment", "endpoints"):
        for endpoint in items(locality, "lb_endpoints"):
            if address := text(endpoint, "endpoint", "address", "socket_address", "address"):
                return Target(name, address)
            # By the internal listener that puts another name into the body: the model's own cluster has its host.
            model = text(endpoint, "metadata", "filter_metadata", METADATA, "model")
            if model and model != name and model in known:
                return Target(model, _target(model, known).host)
    # Found by other means, such as EDS: nobody can say here whether it exists.
    return Target(name, "")
