"""What panels show is what gateways and engines counted: from counters to lines, by Prometheus's own engine."""

import pytest

from components.manifests.alerts.objectives import BURNS
from components.manifests.dashboards.questions import dashboards
from tests.observability.conftest import Told
from tests.observability.stacks import observed, of
from tests.observability.test_rules import POD, requests

MINUTES = 10
MODEL = 'namespace="models",engine="0",model_name="Qwen/Qwen2.5-1.5B"'

OF_ENGINES = {
    "Replicas that are seen": [2],
    "Requests that run": [3],
    "Requests that wait": [9],
    "KV cache in use": [0.7],
    "Requests put back for lack of KV cache": [0.2],
    "Requests by how they ended": [4],
    "Prompt tokens found in the prefix cache": [0.25],
    "Prompt tokens read": [20],
    "Tokens written": [30],
    "Output tokens, by model": [30],
    "Time to first token, by model": [1, 1.9, 1.98],
    "Time per output token": [2, 3.8, 3.96],
    "Whole request, by model": [3, 5.7, 5.94],
    "In the queue": [4, 7.6, 7.92],
}
"""What panels show of ``engines``: 50th, 95th and 99th percentiles in seconds, and what is counted a second."""

OF_GATEWAY = {
    "Pods of the gateway": [1],
    "Requests by route": [2],
    "Requests by consumer": [2],
    "Errors by consumer": [0.5],
    "Chains that failed whole": [0.5],
    "Who served": [1.5],
    "Answers that came from a fallback": [0.2],
    "Input tokens by consumer": [5],
    "Output tokens by route": [6],
    "Input tokens by model": [5],
    "Whole request": [1, 1.9, 1.98],
    "Time to first token, streams": [2, 3.8, 3.96, 2.4],
    "Before the model that answers": [3, 5.7, 5.94],
}
"""The same of ``gateway``. The last time to the first token is the mean."""


def histogram(name: str, labels: str, bound: float, *, le: str = "{}") -> dict[str, str]:
    """Half of its requests end at a bound, the others are spread evenly up to twice the bound."""
    written = (le.format(bound), le.format(2 * bound), "+Inf")
    buckets = {
        f'{name}_bucket{{{labels},le="{le}"}}': f"0+{count}x{MINUTES}"
        for le, count in zip(written, (50, 100, 100), strict=True)
    }
    return {
        **buckets,
        f"{name}_sum{{{labels}}}": f"0+{120 * bound}x{MINUTES}",
        f"{name}_count{{{labels}}}": f"0+100x{MINUTES}",
    }


def engines() -> dict[str, str]:
    """Two replicas of a model, of which each counts something else."""
    found: dict[str, str] = {}
    for pod, running, waiting, cache in (("qwen-0", 1, 4, 0.2), ("qwen-1", 2, 5, 0.7)):
        labels = f'{MODEL},pod="{pod}"'
        now = {"num_requests_running": running, "num_requests_waiting": waiting, "kv_cache_usage_perc": cache}
        a_second = {
            "prompt_tokens_total": 10,
            "generation_tokens_total": 15,
            "num_preemptions_total": 0.1,
            "prefix_cache_hits_total": 1,
            "prefix_cache_queries_total": 4,
        }
        found |= {f"vllm:{name}{{{labels}}}": f"{value}x{MINUTES}" for name, value in now.items()}
        found |= {f"vllm:{name}{{{labels}}}": f"0+{60 * value}x{MINUTES}" for name, value in a_second.items()}
        found[f'vllm:request_success_total{{{labels},finished_reason="stop"}}'] = f"0+120x{MINUTES}"
        for bound, time in enumerate(
            ("time_to_first_token", "request_time_per_output_token", "e2e_request_latency", "request_queue_time"), 1
        ):
            found |= histogram(f"vllm:{time}_seconds", labels, bound, le="{}.0")
    return found


def gateway() -> dict[str, str]:
    """A pod of the Envoy gateway: three of four requests are answered, and a fifth of those by a fallback."""
    answered = f'{POD},route="chat",served_by="qwen"'
    by_fallback = f'{POD},route="chat",served_by="gemma",attempts="2"'
    return {
        f"envoy_server_live{{{POD}}}": f"1x{MINUTES}",
        **requests("200", f"0+90x{MINUTES}"),
        **requests("503", f"0+30x{MINUTES}"),
        f"envoy_modelyard_fallbacks_total{{{by_fallback}}}": f"0+18x{MINUTES}",
        f'envoy_modelyard_input_tokens_total{{{answered},consumer="web"}}': f"0+300x{MINUTES}",
        f'envoy_modelyard_output_tokens_total{{{answered},consumer="web"}}': f"0+360x{MINUTES}",
        **histogram("envoy_modelyard_duration_ms", answered, 1_000),
        **histogram("envoy_modelyard_time_to_first_token_ms", answered, 2_000),
        **histogram("envoy_modelyard_before_upstream_us", f'{POD},route="chat"', 3_000_000),
    }


@pytest.mark.parametrize(("counted", "shown"), [(engines(), OF_ENGINES), (gateway(), OF_GATEWAY)])
def test_panels_show_what_was_counted(told: Told, counted: dict[str, str], shown: dict[str, list[float]]) -> None:
    stack = observed()
    panels = {
        panel.title: [query.expression for query in panel.queries]
        for dashboard in dashboards(stack, of(stack))
        for row in dashboard.rows
        for panel in row.panels
    }
    asked: dict[tuple[str, str], dict[str, float]] = {}
    for title, values in shown.items():
        for expression, value in zip(panels[title], values, strict=True):
            # What two panels ask is looked at once.
            assert asked.setdefault((f"{MINUTES}m", f"sum({expression})"), {"{}": value}) == {"{}": value}, title
    told(stack, counted, asked)


def test_burns_are_those_of_a_budget_of_30_days() -> None:
    hours = {"m": 1 / 60, "h": 1, "d": 24}
    for burn in BURNS:
        long, short = (int(window[:-1]) * hours[window[-1]] for window in (burn.long, burn.short))
        spent = float(burn.spent.removesuffix(" %")) / 100
        assert burn.factor * long == pytest.approx(spent * 30 * 24)
        assert short == pytest.approx(long / 12)
