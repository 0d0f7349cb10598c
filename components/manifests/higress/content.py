"""What happens to the content of requests and answers, who may send them from where, and what is counted."""

import json
from typing import Any

from components.manifests.higress import names
from components.manifests.higress.limits import redis_config
from components.manifests.higress.places import all_hops, entrances, everywhere
from components.manifests.higress.plugins import rule, wasm_plugin
from components.manifests.higress.secrets import Secrets
from components.manifests.objects import Manifest
from components.manifests.openai_api import MODEL_PATHS, invalid_request
from stacks.settings import RouteSettings, StackSettings
from stacks.settings.higress import SecurityGuardSettings

MODERATION = "security-guard"
"""Content moderation's entry in the McpBridge."""

MASKED_PATHS = (
    "$.messages[*].content",
    "$.messages[*].content[*].text",
    "$.prompt",
    "$.prompt[*]",
    "$.input",
    "$.input[*]",
    "$.input[*].content",
    "$.input[*].content[*].text",
    "$.instructions",
    "$.query",
    "$.documents[*]",
    "$.text_1",
    "$.text_1[*]",
    "$.text_2",
    "$.text_2[*]",
)
"""Where text stands in a request that isn't a chat of plain messages, by the paths that the gateway serves."""

_REFUSED = "The question or the answer holds something that is not allowed here."


def cache(stack: StackSettings) -> Manifest | None:
    """The plugin that keeps answers. None where no route wants it."""
    rules = [
        # Where requests come in, and not behind: what a fallback answers is not kept in the name of another model.
        rule(_cache(stack, route, route.cache.seconds), ingresses=[names.hop(route, 0)])
        for route in stack.all_routes
        if route.cache
    ]
    return wasm_plugin(stack, "ai-cache", rules=rules) if rules else None


def data_masking(stack: StackSettings) -> Manifest | None:
    """The plugin that hides text and refuses words. None where nothing is to be hidden."""
    settings = stack.higress.data_masking
    if settings is None:
        return None
    config = {
        "deny_openai": True,
        # The plugin understands chats whose messages are plain text. These two are for everything else.
        "deny_jsonpath": list(MASKED_PATHS),
        "deny_raw": True,
        "deny_words": list(settings.deny_words),
        "deny_message": _REFUSED,
        "deny_raw_message": json.dumps(invalid_request(_REFUSED, "content_filter")),
        "replace_roles": [
            {"regex": mask.pattern, "type": "replace", "restore": mask.restore, "value": mask.replacement}
            for mask in settings.masks
        ],
    }
    return wasm_plugin(stack, "ai-data-masking", rules=[rule(config, ingresses=everywhere(stack))])


def security_guard(stack: StackSettings) -> Manifest | None:
    """The plugin that asks content moderation. None where it isn't wanted."""
    settings = stack.higress.security_guard
    if settings is None:
        return None
    config = {
        "serviceName": f"{MODERATION}.dns",
        "servicePort": 443,
        "serviceHost": settings.host,
        "accessKey": _guard_secrets(settings).reference("accessKey"),
        "secretKey": _guard_secrets(settings).reference("secretKey"),
        # The newer MultiModalGuard refuses nothing until each of its levels is set.
        "action": "TextModerationPlus",
        "riskLevelBar": "high",
        "checkRequest": settings.check_request,
        "checkResponse": settings.check_response,
        "denyMessage": _REFUSED,
    }
    return wasm_plugin(stack, "ai-security-guard", rules=[rule(config, ingresses=all_hops(stack))])


def security_guard_registry(stack: StackSettings) -> dict[str, Any] | None:
    """Content moderation's entry in the McpBridge. None where it isn't wanted."""
    settings = stack.higress.security_guard
    if settings is None:
        return None
    return {"name": MODERATION, "type": "dns", "domain": settings.host, "port": 443, "protocol": "https"}


def security_guard_secret(stack: StackSettings) -> Manifest | None:
    """The access key of content moderation. None where it isn't wanted."""
    settings = stack.higress.security_guard
    if settings is None:
        return None
    return _guard_secrets(settings).manifest(stack)


def _guard_secrets(settings: SecurityGuardSettings) -> Secrets:
    return Secrets("modelyard-security-guard", {"accessKey": settings.access_key, "secretKey": settings.secret_key})


def cors(stack: StackSettings) -> Manifest | None:
    """The plugin that lets web pages call. None where none may.

    The Ingress annotations for it are no way: what they make has its place among the filters from the
    controller, and behind authentication no preflight would reach it. Nor does a preflight name a model,
    so that it never stands on a model's Ingress.
    """
    settings = stack.higress.cors
    if settings is None:
        return None
    patterns = [origin for origin in settings.origins if "*" in origin and origin != "*"]
    config = {
        "allow_origins": [origin for origin in settings.origins if origin not in patterns],
        "allow_origin_patterns": patterns,
        "allow_methods": ["GET", "POST"],
        "allow_headers": list(settings.headers),
        "expose_headers": [names.SERVED_BY_HEADER, names.FALLBACK_FROM_HEADER, "retry-after", "x-request-id"],
        # Keys are sent in headers, never in cookies.
        "allow_credentials": False,
        "max_age": settings.max_age_seconds,
    }
    return wasm_plugin(stack, "cors", rules=[rule(config, ingresses=everywhere(stack))])


def ip_restriction(stack: StackSettings) -> Manifest | None:
    """The plugin that lets in addresses. None where all may."""
    settings = stack.higress.ip_restriction
    if settings is None:
        return None
    source = {"ip_source_type": "origin-source"}
    if settings.from_header:
        source = {"ip_source_type": "header", "ip_header_name": settings.from_header}
    lists = {"allow": list(settings.allow), "deny": list(settings.deny)}
    config = {**source, **{name: found for name, found in lists.items() if found}}
    return wasm_plugin(stack, "ip-restriction", rules=[rule(config, ingresses=entrances(stack))])


def statistics(stack: StackSettings) -> Manifest:
    """The plugin that counts tokens, by route, model and consumer, and times answers."""
    config = {
        "use_default_response_attributes": True,
        # The plugin's own list has chats and completions only.
        "enable_path_suffixes": list(MODEL_PATHS),
    }
    # One for each Ingress and in an object that the console shows, as the console itself does it.
    rules = [rule(config, ingresses=[name]) for name in all_hops(stack)]
    return wasm_plugin(stack, "ai-statistics", rules=rules, internal=False)


def _cache(stack: StackSettings, route: RouteSettings, seconds: int) -> dict[str, Any]:
    redis = redis_config(stack)
    return {
        "cache": {
            "type": "redis",
            "serviceName": redis.pop("service_name"),
            "servicePort": redis.pop("service_port"),
            **redis,
            "cacheTTL": seconds,
            # The key itself is made of the questions only, and every model would give the same answer.
            "cacheKeyPrefix": f"modelyard-cache:{names.ai_route(route)}:",
        },
        # By the last question alone, as the plugin has it, 'and why?' would get anybody's answer.
        "cacheKeyStrategy": "allQuestions",
        "enableSemanticCache": False,
    }
