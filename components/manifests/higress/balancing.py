"""How the replicas of a model share a route's requests, where the gateway's own way isn't wanted."""

from typing import Any

from components.manifests.higress import names
from components.manifests.higress.limits import redis_config
from components.manifests.higress.plugins import rule, wasm_plugin
from components.manifests.objects import Manifest
from stacks.settings import RouteSettings, StackSettings

POLICIES = {
    # By requests that run, which the gateway pods count together in Redis. By the engines' own metrics would be
    # finer, but nothing in Higress brings those to the gateway, and then the plugin does nothing and says nothing.
    "least_load": "global_least_request",
    "prefix_cache": "prefix_cache",
}
"""Policies of ai-load-balancer by those of the settings."""


def load_balancer(stack: StackSettings) -> Manifest | None:
    """The plugin that chooses a replica. None where no route needs it."""
    rules = [
        rule(_config(stack, POLICIES[route.load_balancing.policy]), ingresses=names.hops(route))
        for route in stack.all_routes
        if route.load_balancing and route.load_balancing.policy in POLICIES
    ]
    return wasm_plugin(stack, "ai-load-balancer", rules=rules) if rules else None


def route_annotations(route: RouteSettings) -> dict[str, str]:
    """What the Ingresses of a route are told, so that a session stays on its replica.

    Higress makes a policy of the model's cluster of it: of all routes to a model the first counts.
    """
    if route.load_balancing is None or route.load_balancing.policy != "session":
        return {}
    return {"higress.io/upstream-hash-by": f"$http_{route.load_balancing.session_header}"}


def _config(stack: StackSettings, policy: str) -> dict[str, Any]:
    redis = redis_config(stack)
    found: dict[str, Any] = {
        "serviceFQDN": redis.pop("service_name"),
        "servicePort": redis.pop("service_port"),
        **redis,
    }
    if policy == "global_least_request":
        # Otherwise Redis reads every replica's count once more, for a log that is off.
        found["enableDetailLog"] = False
    return {"lb_type": "endpoint", "lb_policy": policy, "lb_config": found}
