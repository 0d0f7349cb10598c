"""How much callers of a Higress gateway may use."""

from typing import Any

import pytest

from components.manifests.higress.limits import (
    consumer_limits,
    quota,
    redis_config,
    redis_registry,
    redis_secret,
    route_limits,
)
from tests.unit.higress_stack import GEMMA_HOPS, QWEN_HOPS, higress, placed

CHART_REDIS = {"service_name": "redis.dns", "service_port": 6379}
OWN: dict[str, Any] = {"host": "redis.example", "port": 6380, "username": "gateway", "password": "hush"}


def test_the_redis_of_the_chart() -> None:
    stack = higress(redis={}, namespace="gateways")

    assert redis_registry(stack) == {
        "name": "redis",
        "type": "dns",
        "domain": "redis-stack-server.gateways.svc.cluster.local",
        "port": 6379,
        "protocol": "tcp",
    }
    assert redis_config(stack) == CHART_REDIS
    assert redis_secret(stack) is None


def test_a_redis_of_ones_own() -> None:
    stack = higress(redis=OWN)

    assert redis_registry(stack) == {
        "name": "redis",
        "type": "dns",
        "domain": "redis.example",
        "port": 6380,
        "protocol": "tcp",
    }
    assert redis_config(stack) == {
        "service_name": "redis.dns",
        "service_port": 6380,
        "username": "gateway",
        "password": "${secret.modelyard-redis-0884cd0cce.password}",
    }
    assert redis_secret(stack) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "modelyard-redis-0884cd0cce",
            "namespace": "higress-system",
            "labels": {"higress.io/resource-definer": "higress"},
            "annotations": {"pulumi.com/patchForce": "true"},
        },
        "type": "Opaque",
        "data": {"password": "aHVzaA=="},
    }


def test_a_redis_that_asks_for_no_password() -> None:
    stack = higress(redis={"host": "redis.example"})

    assert redis_config(stack) == {"service_name": "redis.dns", "service_port": 6379}
    assert redis_secret(stack) is None


def test_limits_of_consumers_hold_over_all_routes_and_fallbacks() -> None:
    consumers = [
        {"name": "alice", "keys": ["k1"], "tokenLimit": {"perMinute": 100, "perDay": 5000}},
        {"name": "bob", "keys": ["k2"]},
        {"name": "carol", "keys": ["k3"], "tokenLimit": {"perMinute": 7}},
    ]
    plugin = consumer_limits(higress(auth={"consumers": consumers}, redis={}))

    assert plugin
    assert plugin["metadata"]["name"] == "ai-token-ratelimit-2.0.1"
    assert plugin["metadata"]["labels"].get("higress.io/internal") is None
    assert plugin["spec"] == {
        "url": "oci://higress-registry.cn-hangzhou.cr.aliyuncs.com/plugins/ai-token-ratelimit:2.0.1",
        "imagePullPolicy": "UNSPECIFIED_POLICY",
        "phase": "UNSPECIFIED_PHASE",
        "priority": 600,
        "failStrategy": "FAIL_CLOSE",
        "defaultConfigDisable": True,
        "matchRules": [
            placed(
                {
                    "rule_name": "modelyard-consumers",
                    "rule_items": [
                        {
                            "limit_by_consumer": "",
                            "limit_keys": [
                                {"key": "alice", "token_per_minute": 100},
                                {"key": "carol", "token_per_minute": 7},
                            ],
                        },
                        {"limit_by_consumer": "", "limit_keys": [{"key": "alice", "token_per_day": 5000}]},
                    ],
                    "rejected_code": 429,
                    "rejected_msg": "Your token limit is used up.",
                    "redis": CHART_REDIS,
                },
                *QWEN_HOPS,
                *GEMMA_HOPS,
            )
        ],
    }


def test_a_route_limits_each_consumer() -> None:
    limit = {"perSecond": 1, "perMinute": 2, "perHour": 3, "perDay": 4}
    consumers = [{"name": "alice", "keys": ["k1"]}]
    plugin = route_limits(higress(qwen={"tokenLimit": limit}, auth={"consumers": consumers}, redis=OWN))

    assert plugin
    assert plugin["metadata"]["name"] == "ai-token-ratelimit.internal"
    assert plugin["spec"]["matchRules"] == [
        placed(
            {
                "rule_name": "modelyard-route-qwen",
                "rule_items": [
                    {"limit_by_per_consumer": "", "limit_keys": [{"key": "*", "token_per_second": 1}]},
                    {"limit_by_per_consumer": "", "limit_keys": [{"key": "*", "token_per_minute": 2}]},
                    {"limit_by_per_consumer": "", "limit_keys": [{"key": "*", "token_per_hour": 3}]},
                    {"limit_by_per_consumer": "", "limit_keys": [{"key": "*", "token_per_day": 4}]},
                ],
                "rejected_code": 429,
                "rejected_msg": "The token limit for 'qwen' is used up.",
                "redis": {
                    "service_name": "redis.dns",
                    "service_port": 6380,
                    "username": "gateway",
                    "password": "${secret.modelyard-redis-0884cd0cce.password}",
                },
            },
            *QWEN_HOPS,
        )
    ]


def test_a_route_limits_everybody_together_where_nobody_is_known() -> None:
    plugin = route_limits(higress(gemma={"tokenLimit": {"perHour": 9, "perDay": 10}}, redis={}))

    assert plugin
    (told,) = plugin["spec"]["matchRules"]
    assert told["ingress"] == GEMMA_HOPS
    assert told["config"]["rule_items"] == [
        {"limit_by_header": "x-higress-llm-model", "limit_keys": [{"key": "gemma", "token_per_hour": 9}]},
        {"limit_by_header": "x-higress-llm-model", "limit_keys": [{"key": "gemma", "token_per_day": 10}]},
    ]


def test_routes_count_apart() -> None:
    limited = {"tokenLimit": {"perDay": 1}}
    plugin = route_limits(higress(qwen=limited, gemma={**limited, "headers": {"x-group": "b"}}, redis={}))

    assert plugin
    names = [told["config"]["rule_name"] for told in plugin["spec"]["matchRules"]]
    assert len(set(names)) == 2


@pytest.mark.parametrize(
    ("given", "path"), [({}, "/quota"), ({"adminPath": "/budget"}, "/budget")], ids=["default", "own path"]
)
def test_quota(given: dict[str, str], path: str) -> None:
    auth = {"consumers": [{"name": "root", "keys": ["k1"]}], "quota": {"adminConsumer": "root", **given}}
    plugin = quota(higress(auth=auth, redis={}))

    assert plugin
    assert plugin["metadata"]["name"] == "ai-quota.internal"
    config = {"admin_consumer": "root", "admin_path": path, "redis": CHART_REDIS}
    served = [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/responses",
        "/v1/rerank",
        "/v1/score",
    ]
    assert plugin["spec"]["matchRules"] == [
        placed({**config, "enable_path_suffixes": served}, *QWEN_HOPS, *GEMMA_HOPS),
        placed(
            {**config, "enable_path_suffixes": [f"/v1/chat/completions{path}"]},
            # The administrator names no model.
            "modelyard-unknown-model",
        ),
    ]


def test_nothing_is_made_where_nothing_is_limited() -> None:
    stack = higress()

    made = [make(stack) for make in (redis_registry, redis_secret, consumer_limits, route_limits, quota)]
    assert made == [None] * 5
