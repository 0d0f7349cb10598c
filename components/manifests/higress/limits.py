"""How much callers may use: limits of tokens in a span of time, and budgets that an administrator fills.

Both are kept in Redis, so that all gateway pods count together. Tokens are known when an answer has been
given, so a request that begins below a limit may end above it.
"""

from collections.abc import Mapping
from typing import Any

from components.manifests.higress import addresses, names
from components.manifests.higress.answers import UNKNOWN
from components.manifests.higress.places import all_hops
from components.manifests.higress.plugins import rule, wasm_plugin
from components.manifests.higress.secrets import Secrets
from components.manifests.objects import Manifest
from components.manifests.openai_api import MODEL_PATHS
from stacks.settings import RouteSettings, StackSettings

REDIS_HOST = "redis.dns"
"""The host that plugins know Redis by."""

ADMIN_BASE = "/v1/chat/completions"
"""The path that ai-quota puts its own behind."""


def redis_registry(stack: StackSettings) -> dict[str, Any] | None:
    """Redis's entry in the McpBridge. None where no setting needs one."""
    redis = stack.higress.redis
    if redis is None:
        return None
    # The chart's, too: the gateway knows Services that a route leads to, and those in the McpBridge.
    return {
        "name": "redis",
        "type": "dns",
        "domain": redis.host or addresses.redis_host(stack),
        "port": redis.port if redis.host else addresses.REDIS_PORT,
        "protocol": "tcp",
    }


def redis_secret(stack: StackSettings) -> Manifest | None:
    """Redis's password. None where it has none."""
    secrets = _redis_secrets(stack)
    return secrets.manifest(stack) if secrets else None


def redis_config(stack: StackSettings) -> dict[str, Any]:
    """Redis as ai-token-ratelimit and ai-quota are told of it."""
    found: dict[str, Any] = {"service_name": REDIS_HOST, "service_port": addresses.REDIS_PORT}
    redis = stack.higress.redis
    if redis is None or redis.host is None:
        return found
    found["service_port"] = redis.port
    if redis.username:
        found["username"] = redis.username
    if secrets := _redis_secrets(stack):
        found["password"] = secrets.reference("password")
    return found


def _redis_secrets(stack: StackSettings) -> Secrets | None:
    redis = stack.higress.redis
    return Secrets("modelyard-redis", {"password": redis.password}) if redis and redis.password else None


def consumer_limits(stack: StackSettings) -> Manifest | None:
    """The limits that consumers have over all routes. None where nobody has one."""
    limited = [consumer for consumer in stack.gateway.auth.consumers if consumer.token_limit]
    if not limited:
        return None
    spans: dict[str, dict[str, int]] = {}
    for consumer in limited:
        for span, tokens in (consumer.token_limit.spans if consumer.token_limit else {}).items():
            spans.setdefault(span, {})[consumer.name] = tokens
    items = [_item("limit_by_consumer", "", span, tokens) for span, tokens in spans.items()]
    config = _limit(stack, "modelyard-consumers", items, "Your token limit is used up.")
    # Not the plugin's internal object, which has the limits of routes: a request has one rule of each.
    return wasm_plugin(stack, "ai-token-ratelimit", rules=[rule(config, ingresses=all_hops(stack))], internal=False)


def route_limits(stack: StackSettings) -> Manifest | None:
    """The limits of routes, for each consumer, or for everybody together where none are known. None without any."""
    rules = [
        rule(
            _limit(
                stack,
                f"modelyard-route-{names.ai_route(route)}",
                [_route_item(stack, route, span, tokens) for span, tokens in route.token_limit.spans.items()],
                f"The token limit for '{route.model}' is used up.",
            ),
            ingresses=names.hops(route),
        )
        for route in stack.all_routes
        if route.token_limit
    ]
    return wasm_plugin(stack, "ai-token-ratelimit", rules=rules) if rules else None


def quota(stack: StackSettings) -> Manifest | None:
    """The budgets of consumers. None where they have none."""
    settings = stack.gateway.auth.quota
    if settings is None:
        return None
    config = {
        "admin_consumer": settings.admin_consumer,
        "admin_path": settings.admin_path,
        # The plugin's own list has chats only, and whatever else is asked would be free.
        "enable_path_suffixes": list(MODEL_PATHS),
        "redis": redis_config(stack),
    }
    # An administrator's request names no model, so no route of a model takes it. Nothing else is counted there.
    administration = {**config, "enable_path_suffixes": [f"{ADMIN_BASE}{settings.admin_path}"]}
    return wasm_plugin(
        stack,
        "ai-quota",
        rules=[rule(config, ingresses=all_hops(stack)), rule(administration, ingresses=[UNKNOWN])],
    )


def _limit(stack: StackSettings, name: str, items: list[dict[str, Any]], message: str) -> dict[str, Any]:
    return {
        # Part of what Redis counts under.
        "rule_name": name,
        "rule_items": items,
        "rejected_code": 429,
        "rejected_msg": message,
        "redis": redis_config(stack),
    }


def _route_item(stack: StackSettings, route: RouteSettings, span: str, tokens: int) -> dict[str, Any]:
    if stack.gateway.auth.consumers:
        return _item("limit_by_per_consumer", "", span, {"*": tokens})
    # Every request of the route has the header. A global_threshold would take one span of time only.
    return _item("limit_by_header", names.MODEL_HEADER, span, {route.model: tokens})


def _item(by: str, what: str, span: str, limits: Mapping[str, int]) -> dict[str, Any]:
    return {by: what, "limit_keys": [{"key": key, f"token_per_{span}": tokens} for key, tokens in limits.items()]}
