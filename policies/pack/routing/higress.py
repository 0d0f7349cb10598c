"""Routes of Higress, from the Ingresses that it reads, whether its console or a program has written them."""

import re
from collections.abc import Iterator

from policies.pack.resource import Resource
from policies.pack.routing.route import Route, Target
from policies.pack.rule import View, named
from policies.pack.values import items, text

DESTINATION = "higress.io/destination"
"""Annotation with the hosts that an Ingress leads to, one a line, with their shares."""
FALLBACK_FROM = "higress.io/exact-match-header-x-higress-fallback-from"
"""Annotation of an Ingress that takes the requests of another one whose models have failed."""
REGISTRY = (".dns", ".static")
"""How hosts end that an entry of the McpBridge stands for."""


def routes(view: View) -> Iterator[Route]:
    """The routes of Higress that are in the stack."""
    ingresses = [each for each in view.of_kind("Ingress") if DESTINATION in each.annotations]
    after = {text(each.annotations, FALLBACK_FROM): each for each in ingresses if FALLBACK_FROM in each.annotations}
    known = _registries(view)
    for ingress in ingresses:
        if not is_stage(ingress) and leads_to_model(ingress):
            fallback = tuple(target for each in _stages(ingress, after) for target in _targets(each, known))
            targets = tuple(_targets(ingress, known))
            yield Route(f"the route of {named(ingress)}", "the route", ingress, targets, fallback)


def is_stage(ingress: Resource) -> bool:
    """Whether an Ingress is a further place of a chain, which nobody outside can ask for."""
    return FALLBACK_FROM in ingress.annotations


def leads_to_model(ingress: Resource) -> bool:
    """Whether it goes by a model's name, so that models answer."""
    return any("x-higress-llm-model" in key for key in ingress.annotations)


def destinations(ingress: Resource) -> list[str]:
    """The hosts that an Ingress leads to."""
    lines = text(ingress.annotations, DESTINATION).splitlines()
    found = (re.fullmatch(r"\s*(?:\d+%\s+)?(?P<host>[^\s:]+).*", line) for line in lines)
    return [each["host"] for each in found if each]


def _stages(ingress: Resource, after: dict[str, Resource]) -> Iterator[Resource]:
    seen: set[str] = set()
    current = ingress
    while (found := after.get(current.object_name)) is not None and found.object_name not in seen:
        seen.add(found.object_name)
        yield found
        current = found


def _targets(ingress: Resource, known: dict[str, str]) -> list[Target]:
    return [Target(host, _host(host, known)) for host in destinations(ingress)]


def _host(host: str, known: dict[str, str]) -> str | None:
    if not host.endswith(REGISTRY):
        return host
    # Without a McpBridge in the stack the entry is another stack's, and nobody can say here what it stands for.
    return known.get(host.rpartition(".")[0]) if known else ""


def _registries(view: View) -> dict[str, str]:
    return {
        text(entry, "name"): text(entry, "domain")
        for bridge in view.of_kind("McpBridge")
        for entry in items(bridge.props, "spec", "registries")
    }
