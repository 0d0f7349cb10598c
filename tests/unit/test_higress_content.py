"""What a Higress gateway does with the content of requests, and what it counts."""

import json
from typing import Any

from components.manifests.higress import content
from components.manifests.higress.plugins import PLUGINS
from tests.unit.higress_stack import ANSWERS, GEMMA_HOPS, QWEN_HOPS, higress, placed

REFUSED = "The question or the answer holds something that is not allowed here."


def test_cache() -> None:
    plugin = content.cache(higress(qwen={"cache": {"seconds": 60}}, redis={}))

    assert plugin
    assert plugin["metadata"]["name"] == "ai-cache.internal"
    assert plugin["spec"]["failStrategy"] == "FAIL_OPEN"
    assert plugin["spec"]["matchRules"] == [
        placed(
            {
                "cache": {
                    "type": "redis",
                    "serviceName": "redis.dns",
                    "servicePort": 6379,
                    "cacheTTL": 60,
                    "cacheKeyPrefix": "modelyard-cache:qwen:",
                },
                "cacheKeyStrategy": "allQuestions",
                "enableSemanticCache": False,
            },
            # Not on the fallback's, whose answers are another model's.
            "ai-route-qwen.internal",
        )
    ]


def test_cached_answers_of_two_routes_do_not_meet() -> None:
    cache = {"cache": {"seconds": 60}}
    redis = {"host": "redis.example", "username": "u", "password": "p"}
    plugin = content.cache(higress(qwen={**cache, "headers": {"x-group": "b"}}, gemma=cache, redis=redis))

    assert plugin
    kept = [told["config"]["cache"] for told in plugin["spec"]["matchRules"]]
    assert len({each["cacheKeyPrefix"] for each in kept}) == 2
    password = "${secret.modelyard-redis-dcb4243f2d.password}"
    assert {(each["username"], each["password"]) for each in kept} == {("u", password)}


def test_data_masking() -> None:
    masks: list[dict[str, Any]] = [
        {"pattern": "%{EMAILADDRESS}"},
        {"pattern": r"\d{16}", "replacement": "<card>", "restore": True},
    ]
    plugin = content.data_masking(higress(dataMasking={"masks": masks, "denyWords": ["secret project"]}))

    assert plugin
    assert plugin["metadata"]["name"] == "ai-data-masking.internal"
    assert plugin["spec"]["failStrategy"] == "FAIL_CLOSE"
    (told,) = plugin["spec"]["matchRules"]
    # It runs ahead of model-router, when every request still stands on the last of these.
    assert told["ingress"] == [*QWEN_HOPS, *GEMMA_HOPS, *ANSWERS]
    assert PLUGINS["ai-data-masking"].priority > PLUGINS["model-router"].priority
    assert told["config"] == {
        "deny_openai": True,
        "deny_jsonpath": list(content.MASKED_PATHS),
        "deny_raw": True,
        "deny_words": ["secret project"],
        "deny_message": REFUSED,
        "deny_raw_message": json.dumps(
            {
                "error": {
                    "message": REFUSED,
                    "type": "invalid_request_error",
                    "param": None,
                    "code": "content_filter",
                }
            }
        ),
        "replace_roles": [
            {"regex": "%{EMAILADDRESS}", "type": "replace", "restore": False, "value": "****"},
            {"regex": r"\d{16}", "type": "replace", "restore": True, "value": "<card>"},
        ],
    }


def test_security_guard() -> None:
    guard = {"host": "green-cip.cn-hangzhou.aliyuncs.com", "accessKey": "AK", "secretKey": "SK", "checkResponse": True}
    stack = higress(securityGuard=guard)

    plugin = content.security_guard(stack)

    assert plugin
    assert plugin["metadata"]["name"] == "ai-security-guard.internal"
    assert plugin["spec"]["matchRules"] == [
        placed(
            {
                "serviceName": "security-guard.dns",
                "servicePort": 443,
                "serviceHost": "green-cip.cn-hangzhou.aliyuncs.com",
                "accessKey": "${secret.modelyard-security-guard-3dbfc777d5.accessKey}",
                "secretKey": "${secret.modelyard-security-guard-3dbfc777d5.secretKey}",
                "action": "TextModerationPlus",
                "riskLevelBar": "high",
                "checkRequest": True,
                "checkResponse": True,
                "denyMessage": REFUSED,
            },
            *QWEN_HOPS,
            *GEMMA_HOPS,
        )
    ]
    assert content.security_guard_registry(stack) == {
        "name": "security-guard",
        "type": "dns",
        "domain": "green-cip.cn-hangzhou.aliyuncs.com",
        "port": 443,
        "protocol": "https",
    }
    secret = content.security_guard_secret(stack)
    assert secret
    assert secret["metadata"]["name"] == "modelyard-security-guard-3dbfc777d5"
    assert secret["data"] == {"accessKey": "QUs=", "secretKey": "U0s="}


def test_cors() -> None:
    origins = ["https://chat.example.com", "https://*.example.org"]
    plugin = content.cors(higress(cors={"origins": origins, "maxAgeSeconds": 60}))

    assert plugin
    assert plugin["metadata"]["name"] == "cors.internal"
    assert plugin["spec"]["matchRules"] == [
        placed(
            {
                "allow_origins": ["https://chat.example.com"],
                "allow_origin_patterns": ["https://*.example.org"],
                "allow_methods": ["GET", "POST"],
                "allow_headers": ["authorization", "content-type", "x-api-key"],
                "expose_headers": [
                    "x-modelyard-served-by",
                    "x-modelyard-fallback-from",
                    "retry-after",
                    "x-request-id",
                ],
                "allow_credentials": False,
                "max_age": 60,
            },
            *QWEN_HOPS,
            *GEMMA_HOPS,
            *ANSWERS,
        )
    ]


def test_every_origin() -> None:
    plugin = content.cors(higress(cors={"origins": ["*"]}))

    assert plugin
    config = plugin["spec"]["matchRules"][0]["config"]
    assert (config["allow_origins"], config["allow_origin_patterns"]) == (["*"], [])


def test_a_preflight_is_answered_before_a_key_is_asked_for() -> None:
    # It carries no key, and no body with a model.
    cors = PLUGINS["cors"]
    for name in ("model-router", "jwt-auth", "key-auth", "ip-restriction"):
        assert PLUGINS[name].phase == cors.phase == "AUTHN"
        assert PLUGINS[name].priority < cors.priority


def test_allowed_addresses() -> None:
    plugin = content.ip_restriction(higress(ipRestriction={"allow": ["10.0.0.0/8", "::1"]}))

    assert plugin
    assert plugin["metadata"]["name"] == "ip-restriction.internal"
    assert plugin["spec"]["matchRules"] == [
        placed(
            {"ip_source_type": "origin-source", "allow": ["10.0.0.0/8", "::1"]},
            "ai-route-qwen.internal",
            "ai-route-gemma.internal",
            *ANSWERS,
        )
    ]


def test_denied_addresses_behind_a_load_balancer() -> None:
    plugin = content.ip_restriction(higress(ipRestriction={"deny": ["203.0.113.7"], "fromHeader": "x-real-ip"}))

    assert plugin
    assert plugin["spec"]["matchRules"][0]["config"] == {
        "ip_source_type": "header",
        "ip_header_name": "x-real-ip",
        "deny": ["203.0.113.7"],
    }


def test_statistics() -> None:
    plugin = content.statistics(higress())

    assert plugin["metadata"]["name"] == "ai-statistics-2.0.1"
    assert plugin["spec"]["failStrategy"] == "FAIL_OPEN"
    config = {
        "use_default_response_attributes": True,
        "enable_path_suffixes": [
            "/v1/chat/completions",
            "/v1/completions",
            "/v1/embeddings",
            "/v1/responses",
            "/v1/rerank",
            "/v1/score",
        ],
    }
    assert plugin["spec"]["matchRules"] == [placed(config, name) for name in (*QWEN_HOPS, *GEMMA_HOPS)]


def test_consumers_are_known_before_anything_counts_for_them() -> None:
    for name in ("ai-statistics", "ai-quota", "ai-token-ratelimit", "ai-cache"):
        # The phase behind authentication.
        assert PLUGINS[name].phase == "UNSPECIFIED_PHASE"


def test_nothing_is_made_where_nothing_is_wanted() -> None:
    stack = higress()

    made = [
        make(stack)
        for make in (
            content.cache,
            content.data_masking,
            content.security_guard,
            content.security_guard_registry,
            content.security_guard_secret,
            content.cors,
            content.ip_restriction,
        )
    ]
    assert made == [None] * 7
