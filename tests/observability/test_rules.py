"""What rules make of what gateways and engines count, by Prometheus's own engine."""

import json
import re

import pytest

from components.manifests.alerts import rule_groups
from components.manifests.dashboards.questions import dashboards
from tests.observability.conftest import Promtool, Told
from tests.observability.stacks import GEMMA, KINDS, QWEN, observed, of, rules

POD = 'namespace="models",pod="gateway-5d8f7c9b6d-abcde"'
HIGRESS_POD = 'namespace="higress-system",pod="higress-gateway-5d8f7c9b6d-abcde"'
ENGINE = 'namespace="models",pod="qwen-0",engine="0",model_name="Qwen/Qwen2.5-1.5B"'
ALIVE = {
    f"envoy_server_live{{{POD}}}": "1x6000",
    f"vllm:num_requests_running{{{ENGINE}}}": "1x6000",
    'vllm:num_requests_running{namespace="models",pod="gemma-0",engine="0",model_name="gemma"}': "0x6000",
}


def firing(name: str) -> str:
    return f'ALERTS{{alertname="{name}",alertstate="firing"}}'


def fired(name: str, severity: str, **labels: str) -> str:
    own = ", ".join(f'{key}="{value}"' for key, value in {**labels, "namespace": "models"}.items())
    return f'ALERTS{{alertname="{name}", alertstate="firing", severity="{severity}", {own}}}'


def requests(status: str, values: str, route: str = "chat", served_by: str = "qwen") -> dict[str, str]:
    labels = f'route="{route}",served_by="{served_by}",consumer="web",status="{status}"'
    return {f"envoy_modelyard_requests_total{{{POD},{labels}}}": values}


@pytest.mark.parametrize("kind", KINDS)
def test_prometheus_takes_all_rules(promtool: Promtool, kind: str) -> None:
    stack = observed(kind)
    said = promtool(
        "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml", rules={"groups": rule_groups(stack, of(stack))}
    )
    assert f"SUCCESS: {len(rules(stack))} rules found" in said


@pytest.mark.parametrize("kind", KINDS)
def test_prometheus_takes_what_dashboards_ask_and_it_is_recorded(promtool: Promtool, kind: str) -> None:
    stack = observed(kind)
    asked = [
        query.expression
        for dashboard in dashboards(stack, of(stack))
        for row in dashboard.rows
        for panel in row.panels
        for query in panel.queries
    ]
    as_rules = [{"record": f"asked:{number}", "expr": expression} for number, expression in enumerate(asked)]
    promtool("check", "rules", "rules.yaml", rules={"groups": [{"name": "asked", "rules": as_rules}]})
    recorded = {rule["record"] for rule in rules(stack) if "record" in rule}
    alerts = [rule["expr"] for rule in rules(stack) if "alert" in rule]
    for expression in [*asked, *alerts]:
        assert set(re.findall(r"modelyard:[a-z0-9_:]+", expression)) <= recorded, expression


def test_a_route_that_fails_fast_is_told_of_and_a_well_one_is_not(told: Told) -> None:
    name = "ModelyardRouteErrorBudgetBurn"
    told(
        observed(),
        {
            **ALIVE,
            **requests("200", "0+90x120"),
            **requests("503", "0+10x60 600x60"),
            **requests("200", "0+90x120", route="gemma", served_by="gemma"),
            **requests("404", "0+90x120", route="gemma", served_by="gemma"),
            **requests("503", "0+90x120", route="", served_by=""),
        },
        {
            ("60m", firing(name)): {
                fired(name, "critical", route="chat", window="1h"): 1,
                fired(name, "critical", route="chat", window="6h"): 1,
                fired(name, "warning", route="chat", window="1d"): 1,
                fired(name, "warning", route="chat", window="3d"): 1,
            },
            # It has ended: the short windows of the first two have nothing of it any more.
            ("105m", firing(name)): {
                fired(name, "warning", route="chat", window="1d"): 1,
                fired(name, "warning", route="chat", window="3d"): 1,
            },
            ("60m", 'round(modelyard:route_errors:ratio_5m{route="chat"}, 0.001)'): {
                '{namespace="models", route="chat"}': 0.1
            },
            ("60m", 'modelyard:route_errors:ratio_1h{route="gemma"}'): {
                'modelyard:route_errors:ratio_1h{namespace="models", route="gemma"}': 0
            },
        },
    )


def test_answers_that_break_off_are_failures(told: Told) -> None:
    name = "ModelyardRouteErrorBudgetBurn"

    def errors(status: str, flags: str, values: str) -> dict[str, str]:
        labels = f'route="chat",served_by="qwen",consumer="web",status="{status}",flags="{flags}"'
        return {f"envoy_modelyard_errors_total{{{POD},{labels}}}": values}

    told(
        observed(),
        {
            **ALIVE,
            **requests("200", "0+90x120"),
            **requests("503", "0+10x120"),
            **errors("200", "UPE", "0+6x120"),
            **errors("200", "-", "0+4x120"),
            # Of these the status tells.
            **errors("503", "UH", "0+10x120"),
            **errors("404", "-", "0+10x120"),
        },
        {
            ("60m", "modelyard:broken_off:rate5m"): {
                'modelyard:broken_off:rate5m{namespace="models", route="chat", served_by="qwen", consumer="web", '
                f'flags="{flags}"}}': n / 60
                for flags, n in (("UPE", 6), ("-", 4))
            },
            ("60m", 'round(modelyard:route_errors:ratio_5m{route="chat"}, 0.001)'): {
                '{namespace="models", route="chat"}': 0.2
            },
            ("60m", firing(name)): {
                fired(name, severity, route="chat", window=window): 1
                for severity, window in (("critical", "1h"), ("critical", "6h"), ("warning", "1d"), ("warning", "3d"))
            },
        },
    )


def test_a_stream_that_breaks_off_is_a_failure_where_no_request_had_a_status_of_500(told: Told) -> None:
    labels = 'route="chat",served_by="qwen",consumer="web",status="200",flags="UPE"'
    series = {
        **ALIVE,
        **requests("200", "0+90x120"),
        f"envoy_modelyard_errors_total{{{POD},{labels}}}": "0+9x120",
    }
    told(
        observed(),
        series,
        {
            ("60m", 'round(modelyard:route_errors:ratio_5m{route="chat"}, 0.001)'): {
                '{namespace="models", route="chat"}': 0.1
            }
        },
    )


def test_one_failure_in_a_quiet_night_wakes_nobody(told: Told) -> None:
    series = {**ALIVE, **requests("200", "0x30 0+1x4 4x60"), **requests("503", "0x30 0+1x1 1x60")}
    told(observed(), series, {("34m", firing("ModelyardRouteErrorBudgetBurn")): {}})


def test_slow_burns_are_warnings(told: Told) -> None:
    name = "ModelyardRouteErrorBudgetBurn"
    series = {**ALIVE, **requests("200", "0+980x1600"), **requests("500", "0+20x1600")}
    # 2 % of all: four times what the objective lets.
    told(
        observed(),
        series,
        {
            ("1500m", firing(name)): {
                fired(name, "warning", route="chat", window="1d"): 1,
                fired(name, "warning", route="chat", window="3d"): 1,
            }
        },
    )


def test_late_first_tokens_are_told_by_the_models_own_objective(told: Told) -> None:
    name = "ModelyardFirstTokenBudgetBurn"

    def histogram(pod: str, model: str, within: dict[str, int]) -> dict[str, str]:
        labels = f'namespace="models",pod="{pod}",engine="0",model_name="{model}"'
        found = {
            f'vllm:time_to_first_token_seconds_bucket{{{labels},le="{le}"}}': f"0+{n}x120" for le, n in within.items()
        }
        return {**found, f"vllm:time_to_first_token_seconds_count{{{labels}}}": f"0+{within['+Inf']}x120"}

    # All of gemma's take between 2.5 and 5 seconds, which it may, and all of Qwen's, which may not.
    times = {"2.5": 0, "5.0": 10, "+Inf": 10}
    alerts = {"modelTtftSeconds": {"gemma": 5}}
    told(
        observed(observability={"alerts": alerts}),
        {**ALIVE, **histogram("qwen-0", "Qwen/Qwen2.5-1.5B", times), **histogram("gemma-0", "gemma", times)},
        {
            ("60m", firing(name)): {
                fired(name, severity, model="qwen", window=window): 1
                for severity, window in (("critical", "1h"), ("critical", "6h"), ("warning", "1d"), ("warning", "3d"))
            },
            ("60m", "modelyard:model_late_first_tokens:ratio_1h"): {
                'modelyard:model_late_first_tokens:ratio_1h{namespace="models", model="qwen"}': 1,
                'modelyard:model_late_first_tokens:ratio_1h{namespace="models", model="gemma"}': 0,
            },
        },
    )


def test_a_model_that_is_gone_is_told_of_after_ten_minutes(told: Told) -> None:
    name = "ModelyardModelDown"
    gone = {**ALIVE, f"vllm:num_requests_running{{{ENGINE}}}": "1x10 stale"}
    told(
        observed(),
        gone,
        {
            ("20m", firing(name)): {},
            ("22m", firing(name)): {fired(name, "critical", model="qwen"): 1},
            ("10m", "modelyard:model_pods:count"): {
                'modelyard:model_pods:count{namespace="models", model="qwen"}': 1,
                'modelyard:model_pods:count{namespace="models", model="gemma"}': 1,
            },
        },
    )


def test_models_that_share_a_served_name_are_told_apart_by_their_pods(told: Told) -> None:
    # As in a comparison of two versions of one model, one of them in a Deployment.
    both = [{**QWEN, "name": "qwen"}, {**QWEN, "name": "qwen-new", "rollout": {"strategy": "surge"}}, GEMMA]

    def engine(pod: str, values: str, name: str = "running") -> dict[str, str]:
        labels = f'namespace="models",pod="{pod}",engine="0",model_name="Qwen/Qwen2.5-1.5B"'
        return {f"vllm:num_requests_{name}{{{labels}}}": values}

    def late(pod: str, within: int) -> dict[str, str]:
        labels = f'namespace="models",pod="{pod}",engine="0",model_name="Qwen/Qwen2.5-1.5B"'
        series = "vllm:time_to_first_token_seconds"
        buckets = {f'{series}_bucket{{{labels},le="{le}"}}': f"0+{within}x60" for le in ("2.5", "5.0")}
        return {**buckets, f"{series}_count{{{labels}}}": "0+10x60"}

    told(
        observed(models=both, pools=[{"name": "gpu", "gpusPerNode": 8}]),
        {
            **ALIVE,
            **engine("qwen-0", "2x60"),
            **engine("qwen-1", "1x60"),
            **engine("qwen-new-7d9f8b6c5d-24567", "5x10 stale"),
            **late("qwen-0", 10),
            **late("qwen-new-7d9f8b6c5d-24567", 0),
        },
        {
            ("10m", "modelyard:model_running:sum"): {
                'modelyard:model_running:sum{namespace="models", model="qwen"}': 3,
                'modelyard:model_running:sum{namespace="models", model="qwen-new"}': 5,
                'modelyard:model_running:sum{namespace="models", model="gemma"}': 0,
            },
            ("10m", 'modelyard:model_pods:count{model="qwen"}'): {
                'modelyard:model_pods:count{namespace="models", model="qwen"}': 2
            },
            ("10m", "modelyard:model_late_first_tokens:ratio_5m"): {
                'modelyard:model_late_first_tokens:ratio_5m{namespace="models", model="qwen"}': 0,
                'modelyard:model_late_first_tokens:ratio_5m{namespace="models", model="qwen-new"}': 1,
            },
            ("22m", firing("ModelyardModelDown")): {fired("ModelyardModelDown", "critical", model="qwen-new"): 1},
        },
    )


def test_models_that_may_have_no_replica_are_not_missed(told: Told) -> None:
    scaling = {"kind": "keda", "minReplicas": 0, "maxReplicas": 1}
    models = [
        {"name": "qwen", "source": "file:///models/qwen", "pool": "gpu", "autoscaling": scaling},
        {"name": "set-to-none", "source": "file:///models/none", "pool": "gpu", "replicas": 0},
        {"name": "gemma", "source": "file:///models/gemma", "pool": "gpu"},
    ]
    told(
        observed(
            models=models,
            prometheus={"url": "http://prometheus:9090"},
            routes=[{"model": "qwen", "fallback": ["gemma"]}],
        ),
        {f"envoy_server_live{{{POD}}}": "1x60"},
        {("22m", firing("ModelyardModelDown")): {fired("ModelyardModelDown", "critical", model="gemma"): 1}},
    )


def test_a_gateway_that_is_gone_is_told_of_after_five_minutes(told: Told) -> None:
    name = "ModelyardGatewayDown"
    told(
        observed(),
        {**ALIVE, f"envoy_server_live{{{POD}}}": "1x10 stale"},
        {("15m", firing(name)): {}, ("17m", firing(name)): {fired(name, "critical"): 1}},
    )


def test_fallbacks_are_told_of_above_their_share(told: Told) -> None:
    name = "ModelyardFallbacks"

    def answers(fallbacks: int) -> dict[str, str]:
        labels = 'route="chat",served_by="gemma",attempts="2"'
        return {
            **ALIVE,
            **requests("200", f"0+{100 - fallbacks}x60"),
            **requests("200", f"0+{fallbacks}x60", served_by="gemma"),
            f"envoy_modelyard_fallbacks_total{{{POD},{labels}}}": f"0+{fallbacks}x60",
        }

    told(observed(), answers(21), {("30m", firing(name)): {fired(name, "warning", route="chat"): 1}})
    told(observed(), answers(19), {("30m", firing(name)): {}})


def test_input_that_was_in_the_cache_is_no_share_where_no_model_tells(told: Told) -> None:
    (shown,) = (
        panel.queries[0].expression
        for dashboard in dashboards(observed(), of(observed()))
        for row in dashboard.rows
        for panel in row.panels
        if panel.title == "Input tokens that were in the cache"
    )

    def tokens(kind: str, consumer: str, values: str, served_by: str = "qwen") -> dict[str, str]:
        labels = f'route="chat",served_by="{served_by}",consumer="{consumer}"'
        return {f"envoy_modelyard_{kind}_tokens_total{{{POD},{labels}}}": values}

    told(
        observed(),
        {
            **tokens("input", "web", "0+600x10"),
            **tokens("cached_input", "web", "0+150x10"),
            **tokens("input", "batch", "0+600x10"),
            **tokens("cached_input", "batch", "0x10"),
            # Of a model that does not tell.
            **tokens("input", "web", "0+600x10", "gemma"),
            **tokens("input", "night", "0+600x10", "gemma"),
        },
        {("10m", shown): {'{consumer="web"}': 0.25, '{consumer="batch"}': 0}},
    )


def test_a_prometheus_operator_takes_the_rules_of_500_models() -> None:
    models = [{**GEMMA, "name": f"a-model-with-a-name-{number}"} for number in range(500)]
    stack = observed(models=models, routes=[], pools=[{"name": "gpu", "gpusPerNode": 8, "maxNodes": 64}])
    # It refuses a file of rules that is larger than half of what a Secret may hold.
    assert len(json.dumps({"groups": rule_groups(stack, of(stack))})) < 1024 * 1024 // 2


def test_a_queue_that_never_empties_is_told_of(told: Told) -> None:
    name, waiting = "ModelyardModelSaturated", f"vllm:num_requests_waiting{{{ENGINE}}}"
    told(
        observed(),
        {**ALIVE, waiting: "0 3x60"},
        {("15m", firing(name)): {}, ("17m", firing(name)): {fired(name, "warning", model="qwen"): 1}},
    )
    told(observed(), {**ALIVE, waiting: "3x12 0 3x60"}, {("20m", firing(name)): {}, ("27m", firing(name)): {}})


def test_a_model_that_has_just_come_is_not_full(told: Told) -> None:
    waiting = f"vllm:num_requests_waiting{{{ENGINE}}}"
    told(observed(), {**ALIVE, waiting: "_x20 3x40"}, {("22m", firing("ModelyardModelSaturated")): {}})


def test_bodies_that_are_not_read_are_told_of(told: Told) -> None:
    name = "ModelyardBodiesUnread"
    errors = f'envoy_http_lua_errors{{{POD},envoy_http_conn_manager_prefix="edge"}}'
    told(observed(), {**ALIVE, errors: "0x10 0+1x20"}, {("15m", firing(name)): {fired(name, "warning"): 1}})
    told(observed(), {**ALIVE, errors: "5x30"}, {("15m", firing(name)): {}})


def test_both_gateways_have_the_same_series_of_the_same_requests(told: Told) -> None:
    called = 'route="chat",served_by="qwen",consumer="web"'
    of_envoy = {
        **requests("200", "0+60x10"),
        f"envoy_modelyard_input_tokens_total{{{POD},{called}}}": "0+600x10",
        f"envoy_modelyard_output_tokens_total{{{POD},{called}}}": "0+1200x10",
        f'envoy_modelyard_duration_ms_sum{{{POD},route="chat",served_by="qwen"}}': "0+30000x10",
        f'envoy_modelyard_duration_ms_count{{{POD},route="chat",served_by="qwen"}}': "0+60x10",
        f'envoy_modelyard_time_to_first_token_ms_sum{{{POD},route="chat",served_by="qwen"}}': "0+3000x10",
        f'envoy_modelyard_time_to_first_token_ms_count{{{POD},route="chat",served_by="qwen"}}': "0+60x10",
        f"envoy_server_live{{{POD}}}": "1x10",
    }
    cluster = "outbound|8080||llm-qwen.internal.dns"
    labels = f'{HIGRESS_POD},ai_route="ai-route-chat.internal",ai_cluster="{cluster}",ai_model="qwen",ai_consumer="web"'
    prefix = "route_upstream_model_consumer_metric_"
    of_higress = {
        f"{prefix}llm_duration_count{{{labels}}}": "0+60x10",
        f"{prefix}llm_stream_duration_count{{{labels}}}": "0+60x10",
        f"{prefix}llm_service_duration{{{labels}}}": "0+30000x10",
        f"{prefix}llm_first_token_duration{{{labels}}}": "0+3000x10",
        f"{prefix}input_token{{{labels}}}": "0+600x10",
        f"{prefix}output_token{{{labels}}}": "0+1200x10",
        f"envoy_server_live{{{HIGRESS_POD}}}": "1x10",
    }
    own = 'namespace="models", route="chat", served_by="qwen"'
    same = {
        "input_tokens:rate5m": (f'{own}, consumer="web"', 10),
        "output_tokens:rate5m": (f'{own}, consumer="web"', 20),
        "duration_seconds:mean5m": (own, 0.5),
        "time_to_first_token_seconds:mean5m": (own, 0.05),
        "gateway_pods:count": ('namespace="models"', 1),
    }
    expected = {
        ("10m", f"modelyard:{name}"): {f"modelyard:{name}{{{labels}}}": float(value)}
        for name, (labels, value) in same.items()
    }
    total = {("10m", 'sum(modelyard:requests:rate5m{status=~"2.."})'): {"{}": 1.0}}
    told(observed("envoy"), of_envoy, {**expected, **total})
    told(observed("higress"), of_higress, {**expected, **total})


def test_higress_tells_routes_by_their_names_and_fallbacks_by_their_place(told: Told) -> None:
    stack = observed("higress")
    (odd,) = re.findall(r"ai-route-(big-model-[0-9a-f]{8})", str(rules(stack)[0]))
    series = {
        f'route_upstream_model_consumer_metric_llm_duration_count{{{HIGRESS_POD},ai_route="{route}",'
        f'ai_cluster="outbound|8080||llm-gemma.internal.dns",ai_model="m",ai_consumer="none"}}': "0+60x10"
        for route in (f"ai-route-{odd}.internal", "ai-route-chat.fallback.internal")
    }
    refused = f'envoy_http_downstream_rq{{{HIGRESS_POD},http_conn_manager_prefix="outbound_0.0.0.0_80",'
    told(
        stack,
        {
            **series,
            f'{refused}response_code_class="5xx"}}': "0+60x10",
            f'{refused}response_code_class="2xx"}}': "0+6x10",
        },
        {
            ("10m", "modelyard:fallbacks:rate5m"): {
                'modelyard:fallbacks:rate5m{namespace="models", route="chat", served_by="gemma"}': 1
            },
            ("10m", "modelyard:requests:rate5m"): {
                'modelyard:requests:rate5m{namespace="models", route="chat", served_by="gemma", status="2xx"}': 1,
                'modelyard:requests:rate5m{namespace="models", route="Big/Model", served_by="gemma", status="2xx"}': 1,
                'modelyard:requests:rate5m{namespace="models", status="5xx"}': 1,
            },
            ("10m", "round(modelyard:route_errors:ratio_5m, 0.001)"): {'{namespace="models", route="*"}': 0.333},
        },
    )


@pytest.mark.parametrize("model", ['say "hi"', "$1", "a$$b", "back\\", "\\b", "{{ $labels.x }}", "`'", "ü模型", "[.] "])
def test_a_route_of_higress_may_have_any_name(told: Told, model: str) -> None:
    stack = observed("higress", routes=[{"model": model, "upstreams": [{"model": "qwen"}]}])
    (named,) = re.findall(r"(ai-route-[0-9a-z-]+)\(\[[.]\]fallback", str(rules(stack)[0]))
    labels = f'{HIGRESS_POD},ai_route="{named}.internal",ai_cluster="outbound|8080||llm-qwen.internal.dns"'
    written = json.dumps(model, ensure_ascii=False)
    told(
        stack,
        {f'route_upstream_model_consumer_metric_llm_duration_count{{{labels},ai_consumer="none"}}': "0+60x10"},
        {("10m", f"count(modelyard:requests:rate5m{{route={written}}})"): {"{}": 1}},
    )
