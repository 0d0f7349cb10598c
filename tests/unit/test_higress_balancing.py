"""How replicas share requests behind a Higress gateway."""

from components.manifests.higress.balancing import load_balancer, route_annotations
from tests.unit.higress_stack import GEMMA_HOPS, QWEN_HOPS, higress, placed


def test_least_load_and_prefix_cache() -> None:
    stack = higress(
        qwen={"loadBalancing": {"policy": "least_load"}},
        gemma={"loadBalancing": {"policy": "prefix_cache"}},
        redis={"host": "redis.example", "password": "hush"},
    )
    password = "${secret.modelyard-redis-0884cd0cce.password}"
    redis = {"serviceFQDN": "redis.dns", "servicePort": 6379, "password": password}

    plugin = load_balancer(stack)

    assert plugin
    assert plugin["metadata"]["name"] == "ai-load-balancer.internal"
    # Without it replicas are chosen in the gateway's own way, which is right, too.
    assert plugin["spec"]["failStrategy"] == "FAIL_OPEN"
    assert plugin["spec"]["defaultConfigDisable"] is True
    assert plugin["spec"]["matchRules"] == [
        placed(
            {
                "lb_type": "endpoint",
                "lb_policy": "global_least_request",
                "lb_config": {**redis, "enableDetailLog": False},
            },
            *QWEN_HOPS,
        ),
        placed({"lb_type": "endpoint", "lb_policy": "prefix_cache", "lb_config": redis}, *GEMMA_HOPS),
    ]
    assert [route_annotations(route) for route in stack.routes] == [{}, {}]


def test_sessions_need_no_plugin() -> None:
    stack = higress(
        qwen={"loadBalancing": {"policy": "session"}},
        gemma={"loadBalancing": {"policy": "session"}},
    )

    assert load_balancer(stack) is None
    assert [route_annotations(route) for route in stack.routes] == [
        {"higress.io/upstream-hash-by": "$http_x-session-id"},
        {"higress.io/upstream-hash-by": "$http_x-session-id"},
    ]


def test_a_session_header_of_ones_own() -> None:
    stack = higress(gemma={"loadBalancing": {"policy": "session", "sessionHeader": "x-user"}})

    assert [route_annotations(route) for route in stack.routes] == [
        {},
        {"higress.io/upstream-hash-by": "$http_x-user"},
    ]


def test_nothing_is_made_where_the_gateway_balances() -> None:
    assert load_balancer(higress(redis={})) is None
