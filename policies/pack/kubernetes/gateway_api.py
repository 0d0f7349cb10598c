"""Routes of the Gateway API: where they lead, and by which listeners they are reached."""

from collections.abc import Iterator
from dataclasses import dataclass

from policies.pack.resource import Resource
from policies.pack.routing.route import CLUSTER_DOMAIN
from policies.pack.rule import View
from policies.pack.values import Properties, items, text

GROUP = "gateway.networking.k8s.io"
TLS = ("HTTPS", "TLS")
"""Protocols of listeners that are encrypted."""


@dataclass(frozen=True)
class Parent:
    """A Gateway that takes requests for a route."""

    namespace: str
    name: str
    listener: str
    """The one listener by which it does, or nothing for all."""
    port: str
    """The one port by which it does, or nothing for all."""
    gateway: Resource | None
    """It itself, where it is in the stack."""

    @property
    def labels(self) -> Properties:
        """Its labels, as far as they are in the stack."""
        return self.gateway.labels if self.gateway else {}


def parents(view: View, route: Resource) -> list[Parent]:
    """The Gateways that a route names. None: it is a route inside a mesh, or nobody's."""
    return [
        _parent(view, route, reference)
        for reference in items(route.props, "spec", "parentRefs")
        if text(reference, "kind") in ("", "Gateway")
    ]


def rules(route: Resource) -> list[Properties]:
    """The rules of a route that lead somewhere, and do not just redirect."""
    return [rule for rule in items(route.props, "spec", "rules") if items(rule, "backendRefs")]


def services(route: Resource) -> list[str]:
    """The hosts of the Services that a route leads to. Nothing among them: what is no Service."""
    references = [reference for rule in rules(route) for reference in items(rule, "backendRefs")]
    return [
        f"{text(each, 'name')}.{text(each, 'namespace') or route.namespace}{CLUSTER_DOMAIN}"
        if text(each, "kind") in ("", "Service")
        else ""
        for each in references
    ]


def is_encrypted(gateway: Resource) -> bool:
    """Whether a Gateway has a listener with TLS."""
    return any(text(each, "protocol") in TLS for each in items(gateway.props, "spec", "listeners"))


def plain_listeners(parent: Parent, route: Resource) -> Iterator[str]:
    """The listeners of a Gateway in the stack by which a route is reached without TLS."""
    hosts = [text(each) for each in items(route.props, "spec", "hostnames")]
    for listener in items(parent.gateway.props, "spec", "listeners") if parent.gateway else ():
        name, own = text(listener, "name"), text(listener, "hostname")
        is_named = parent.listener in ("", name) and parent.port in ("", text(listener, "port"))
        is_shared = not own or not hosts or any(_overlap(own, host) for host in hosts)
        if text(listener, "protocol") == "HTTP" and is_named and is_shared:
            yield name


def _parent(view: View, route: Resource, reference: Properties) -> Parent:
    namespace, name = text(reference, "namespace") or route.namespace, text(reference, "name")
    found = [
        each
        for each in view.of_kind("Gateway")
        if (each.group, each.namespace, each.object_name) == (GROUP, namespace, name)
    ]
    return Parent(namespace, name, text(reference, "sectionName"), text(reference, "port"), found[0] if found else None)


def _overlap(one: str, other: str) -> bool:
    """Whether two host names, which may begin with ``*.``, have a host in common."""
    if one == other:
        return True
    return any(
        wide.startswith("*.") and narrow.removeprefix("*").endswith(wide[1:])
        for wide, narrow in ((one, other), (other, one))
    )
