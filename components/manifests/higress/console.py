"""What Higress's console needs beside the objects that work: its own records of routes and of the domain.

The JSON of an AI route is the console's ``AiRoute`` (``higress-console``, backend/sdk). When a person
edits the route there, the console writes the objects anew from this record.
"""

import json
from typing import Any

from components.manifests.higress import names, routing
from components.manifests.higress.places import allowed
from components.manifests.objects import Manifest
from stacks.settings import RouteSettings, StackSettings


def ai_route_record(stack: StackSettings, route: RouteSettings, annotations: dict[str, str]) -> Manifest:
    """The ConfigMap by which the console lists and edits an AI route.

    Args:
        stack: the stack.
        route: the route.
        annotations: what else its Ingresses are told, as for ``ai_route_ingresses``.
    """
    record: dict[str, Any] = {
        "name": names.ai_route(route),
        "domains": [stack.higress.domain] if stack.higress.domain else [],
        "pathPredicate": {"matchType": "PRE", "matchValue": "/", "caseSensitive": True},
        "headerPredicates": [
            {"key": key, "matchType": "EQUAL", "matchValue": value} for key, value in route.headers.items()
        ],
        "upstreams": _upstreams(stack, route, 0),
        "modelPredicates": [{"matchType": "EQUAL", "matchValue": route.model, "caseSensitive": True}],
        "authConfig": _auth(stack, route),
        "fallbackConfig": _fallback(stack, route),
        # What is left out here would become the console's default of three tries.
        "proxyNextUpstream": {"enabled": True, "conditions": ["off"]},
        # An edit writes the Ingresses anew, with these annotations beside the console's own.
        "customConfigs": {**annotations, **routing.NO_WAIT, **names.TAKE_BACK},
    }
    return _config_map(stack, names.config_map(route), "ai-route", {"data": json.dumps(record, ensure_ascii=False)})


def domain_record(stack: StackSettings) -> Manifest | None:
    """The ConfigMap by which the console lists the gateway's domain. None where it has none."""
    gateway = stack.higress
    if gateway.domain is None:
        return None
    data = {"domain": gateway.domain, "enableHttps": "force" if gateway.tls else "off"}
    if gateway.tls:
        data["cert"] = gateway.tls.secret_name
    return _config_map(stack, f"domain-{gateway.domain}", "domain", data)


def _config_map(stack: StackSettings, name: str, kind: str, data: dict[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": names.metadata(stack, name, labels={"higress.io/config-map-type": kind}),
        "data": data,
    }


def _upstreams(stack: StackSettings, route: RouteSettings, number: int) -> list[dict[str, Any]]:
    return [
        {
            "provider": target.model,
            "weight": target.weight,
            "modelMapping": routing.mapping(stack, route, target, number),
        }
        for target in routing.targets(route, number)
    ]


def _auth(stack: StackSettings, route: RouteSettings) -> dict[str, Any]:
    # The console knows keys only. Told of callers with tokens, an edit there would ask them for keys, too.
    if not any(consumer.keys for consumer in stack.gateway.auth.consumers):
        return {"enabled": False}
    return {
        "enabled": True,
        "allowedCredentialTypes": ["key-auth"],
        "allowedConsumers": allowed(stack, route),
    }


def _fallback(stack: StackSettings, route: RouteSettings) -> dict[str, Any]:
    if not route.fallback:
        return {"enabled": False}
    return {
        "enabled": True,
        # The console asks the first one only; the further ones are reached by routes that it leaves alone.
        "fallbackStrategy": "SEQ",
        "upstreams": [one for number in range(1, len(route.fallback) + 1) for one in _upstreams(stack, route, number)],
        "responseCodes": ["5xx"],
    }
