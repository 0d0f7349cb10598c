"""Whether callers are asked who they are: by an Ingress controller, by Higress's plugins, by policies of a Gateway."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from policies.pack.kubernetes import exposure, gateway_api
from policies.pack.kubernetes.selectors import chooses
from policies.pack.resource import Resource
from policies.pack.rule import View
from policies.pack.values import Properties, at, items, mapping, text, texts

NGINX = "nginx.ingress.kubernetes.io/"
ALB = "alb.ingress.kubernetes.io/"
ANNOTATIONS = (f"{NGINX}auth-url", f"{NGINX}auth-type", f"{ALB}auth-type", "haproxy.org/auth-type")
"""Annotations by which an Ingress controller asks who calls."""
NOBODY = ("", "none", "off", "false", "no", "disabled")
"""Values of annotations by which nobody is asked."""
CERTIFICATES = (f"{NGINX}auth-tls", "higress.io/auth-tls")
"""What annotations begin with by which a certificate is asked for: the only ones of the kind that Higress heeds."""
KONG = "konghq.com/plugins"
KONG_PLUGINS = (
    "basic-auth",
    "hmac-auth",
    "jwt",
    "key-auth",
    "key-auth-enc",
    "ldap-auth",
    "ldap-auth-advanced",
    "mtls-auth",
    "oauth2",
    "oauth2-introspection",
    "openid-connect",
)
"""Plugins of Kong that ask who calls."""
TRAEFIK = "traefik.ingress.kubernetes.io/router.middlewares"
TRAEFIK_MIDDLEWARES = ("basicAuth", "digestAuth", "forwardAuth", "chain", "plugin")
"""Kinds of Traefik's middlewares that ask who calls, or may."""

SWITCHED_PLUGINS = ("key-auth", "jwt-auth", "basic-auth", "hmac-auth", "hmac-auth-apisix")
"""Plugins of Higress whose ``global_auth`` says whether they ask where no rule of theirs does."""
AUTH_PLUGINS = (*SWITCHED_PLUGINS, "oidc", "ext-auth", "opa", "simple-jwt-auth")
"""All plugins of Higress that ask who calls."""

ENVOY_GATEWAY = "gateway.envoyproxy.io"
SECURITY = ("basicAuth", "apiKeyAuth", "oidc", "extAuth")
"""What a SecurityPolicy asks callers by, beside tokens."""


@dataclass(frozen=True)
class Callers:
    """Whether those who come to a stack from outside are asked who they are."""

    view: View

    def asked_by_ingress(self, ingress: Resource) -> bool:
        """Whether an Ingress asks, by an annotation or by a plugin of Higress."""
        annotations = ingress.annotations
        if _asks_for_certificate(annotations):
            return True
        if exposure.of_higress(ingress):
            ways = product(exposure.hosts(ingress), exposure.services(ingress) or [""])
            return all(any(plugin.asks(ingress, *way) for plugin in self._plugins) for way in ways)
        lets_pass = text(annotations, f"{ALB}auth-on-unauthenticated-request").lower() == "allow"
        is_said = any(text(annotations, key).lower() not in NOBODY for key in ANNOTATIONS)
        return (is_said and not lets_pass) or _refers(self.view, ingress)

    def asked_by_http_route(self, route: Resource) -> bool:
        """Whether an HTTPRoute asks, by its filters, by a policy about it, or by one about each Gateway of it."""
        filters = [items(rule, "filters") for rule in gateway_api.rules(route)]
        if all(any(_filter_asks(self.view, route, each) for each in those) for those in filters):
            return True
        if _refers(self.view, route):
            return True
        if own := _policies(self.view, "HTTPRoute", route.namespace, route.object_name, route.labels):
            return any(map(_policy_asks, own))
        return all(
            any(map(_policy_asks, _policies(self.view, "Gateway", each.namespace, each.name, each.labels)))
            for each in gateway_api.parents(self.view, route)
        )

    @cached_property
    def _plugins(self) -> list["_Plugin"]:
        # Read once: there may be a thousand Ingresses, and as many rules.
        found = [each for each in self.view.of_kind("WasmPlugin") if _plugin_name(each)]
        return [_plugin(each) for each in found]


@dataclass(frozen=True)
class _MatchRule:
    """A rule of one of Higress's plugins."""

    ingresses: frozenset[str]
    services: frozenset[str]
    domains: tuple[str, ...]
    is_on: bool

    def matches(self, route: str, host: str, service: str) -> bool:
        """Whether it is about a way: by Ingress and service, both of which must fit, or else by the host."""
        if self.ingresses or self.services:
            is_from = not self.ingresses or route in self.ingresses
            return is_from and (not self.services or service in self.services)
        return any(_is_within(host, domain) for domain in self.domains)


@dataclass(frozen=True)
class _Plugin:
    """A plugin of Higress that asks who calls."""

    namespace: str
    rules: tuple[_MatchRule, ...]
    elsewhere: bool
    """Whether it asks where no rule is about the request."""

    def asks(self, ingress: Resource, host: str, service: str) -> bool:
        """Whether it asks those who come to an Ingress by one of its hosts, on the way to one of its services."""
        is_neighbour = self.namespace == ingress.namespace
        route = ingress.object_name if is_neighbour else f"{ingress.namespace}/{ingress.object_name}"
        # The first that matches counts.
        return next((rule.is_on for rule in self.rules if rule.matches(route, host, service)), self.elsewhere)


def _plugin(resource: Resource) -> _Plugin:
    spec = mapping(resource.props, "spec")
    rules = tuple(
        _MatchRule(
            frozenset(texts(rule, "ingress")),
            frozenset(each.partition(":")[0] for each in texts(rule, "service")),
            tuple(texts(rule, "domain")),
            at(rule, "configDisable") is not True,
        )
        for rule in items(spec, "matchRules")
    )
    is_on = bool(mapping(spec, "defaultConfig")) and at(spec, "defaultConfigDisable") is not True
    said = at(spec, "defaultConfig", "global_auth")
    # Where nothing is said, it asks everybody until there is a rule of its own somewhere.
    is_global = said is True or (said is None and not rules) or _plugin_name(resource) not in SWITCHED_PLUGINS
    return _Plugin(resource.namespace, rules, is_on and is_global)


def _asks_for_certificate(annotations: Properties) -> bool:
    return any(
        text(annotations, f"{begin}-secret") and text(annotations, f"{begin}-verify-client") in ("", "on")
        for begin in CERTIFICATES
    )


def _refers(view: View, resource: Resource) -> bool:
    """Whether it names a plugin of Kong or a middleware of Traefik that asks. Those of others may."""
    plugins = [each.strip() for each in text(resource.annotations, KONG).split(",")]
    middlewares = [each.strip() for each in text(resource.annotations, TRAEFIK).split(",")]
    return any(_kong_asks(view, resource.namespace, each) for each in plugins if each) or any(
        _traefik_asks(view, each) for each in middlewares if each
    )


def _kong_asks(view: View, namespace: str, name: str) -> bool:
    found = [
        each
        for each in view.of_kind("KongPlugin", "KongClusterPlugin")
        if each.object_name == name and (each.kind == "KongClusterPlugin" or each.namespace == namespace)
    ]
    return not found or any(
        text(each.props, "plugin") in KONG_PLUGINS and at(each.props, "disabled") is not True for each in found
    )


def _traefik_asks(view: View, name: str) -> bool:
    found = [
        each for each in view.of_kind("Middleware") if name == f"{each.namespace}-{each.object_name}@kubernetescrd"
    ]
    return not found or any(kind in mapping(each.props, "spec") for each in found for kind in TRAEFIK_MIDDLEWARES)


def _plugin_name(plugin: Resource) -> str:
    """Which of the plugins that ask it is, by an image's name or the path of a file, or nothing."""
    words = re.split(r"[/:@]", text(plugin.props, "spec", "url"))
    return next((each for each in words if each in AUTH_PLUGINS), "")


def _is_within(host: str, domain: str) -> bool:
    if domain.startswith("*"):
        return host.endswith(domain[1:])
    return host.startswith(domain[:-1]) if domain.endswith("*") else host == domain


def _filter_asks(view: View, route: Resource, given: Properties) -> bool:
    reference = mapping(given, "extensionRef")
    match text(reference, "kind"):
        case "KongPlugin":
            return _kong_asks(view, route.namespace, text(reference, "name"))
        case "Middleware":
            return _traefik_asks(view, f"{route.namespace}-{text(reference, 'name')}@kubernetescrd")
        case _:
            return text(given, "type") == "ExternalAuth"


def _policies(view: View, kind: str, namespace: str, name: str, labels: Properties) -> list[Resource]:
    """The SecurityPolicies about a route or a Gateway."""
    return [
        policy
        for policy in view.of_kind("SecurityPolicy")
        if policy.group == ENVOY_GATEWAY
        and policy.namespace == namespace
        and any(_is_about(target, kind, name, labels) for target in _targets(policy))
    ]


def _targets(policy: Resource) -> Iterator[Properties]:
    spec = mapping(policy.props, "spec")
    yield mapping(spec, "targetRef")
    yield from items(spec, "targetRefs")
    yield from items(spec, "targetSelectors")


def _is_about(target: Properties, kind: str, name: str, labels: Properties) -> bool:
    by_name = text(target, "name") == name
    return text(target, "kind") == kind and (by_name or chooses(mapping(target, "matchLabels"), labels))


def _policy_asks(policy: Resource) -> bool:
    spec = mapping(policy.props, "spec")
    by_token = bool(items(spec, "jwt", "providers")) and at(spec, "jwt", "optional") is not True
    return by_token or any(mapping(spec, each) for each in SECURITY)
