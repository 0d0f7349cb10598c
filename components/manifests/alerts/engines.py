"""What vLLM 0.32 counts, by the names that models have in the stack.

Models are told apart by their pods' names: two of them may be served by one name, which is all that vLLM knows.
"""

from collections.abc import Iterable

from components.manifests.alerts.expressions import QUANTILES, literal, record, replaced
from components.manifests.objects import Manifest
from components.manifests.series import POD, of_all_pods, of_any_pod
from stacks.settings import ModelSettings, ObservabilitySettings, StackSettings

_TIMES = {
    "model_time_to_first_token_seconds": "time_to_first_token_seconds",
    "model_time_per_output_token_seconds": "request_time_per_output_token_seconds",
    "model_duration_seconds": "e2e_request_latency_seconds",
    "model_queue_seconds": "request_queue_time_seconds",
}
_COUNTS = {
    "model_input_tokens:rate5m": "prompt_tokens_total",
    "model_output_tokens:rate5m": "generation_tokens_total",
    "model_preemptions:rate5m": "num_preemptions_total",
}


def engine_rules(stack: StackSettings, settings: ObservabilitySettings) -> list[Manifest]:
    """The recording rules of the models."""
    hits = _rate(stack, "prefix_cache_hits_total")
    queries = _rate(stack, "prefix_cache_queries_total")
    return [
        record("model_pods:count", f"count by (model) (count by (model, pod) ({_now(stack, 'num_requests_running')}))"),
        record("model_running:sum", f"sum by (model) ({_now(stack, 'num_requests_running')})"),
        record("model_waiting:sum", f"sum by (model) ({_now(stack, 'num_requests_waiting')})"),
        record("model_kv_cache_usage:max", f"max by (model) ({_now(stack, 'kv_cache_usage_perc')})"),
        record("model_prefix_cache_hits:ratio_rate5m", f"{hits} / ({queries} > 0)"),
        record("model_finished:rate5m", _rate(stack, "request_success_total", ("finished_reason",))),
        *(record(name, _rate(stack, series)) for name, series in _COUNTS.items()),
        *(rule for name, series in _TIMES.items() for rule in _times(stack, name, series)),
        record("model_first_tokens:rate5m", _rate(stack, "time_to_first_token_seconds_count")),
        *_late(stack, settings),
    ]


def _times(stack: StackSettings, name: str, series: str) -> list[Manifest]:
    count = _rate(stack, f"{series}_count")
    buckets = _rate(stack, f"{series}_bucket", ("le",))
    return [
        record(f"{name}:mean5m", f"{_rate(stack, f'{series}_sum')} / ({count} > 0)"),
        *(
            record(f"{name}:{word}_5m", f"histogram_quantile({quantile:g}, {buckets})")
            for word, quantile in QUANTILES.items()
        ),
    ]


def _late(stack: StackSettings, settings: ObservabilitySettings) -> list[Manifest]:
    """Requests a second whose first token took longer than their model's objective."""
    bounds: dict[float, list[ModelSettings]] = {}
    for model in stack.models:
        bounds.setdefault(settings.ttft_seconds(model.name), []).append(model)
    found = []
    for bound, models in bounds.items():
        pods = of_all_pods(models, stack.cluster.namespace)
        # Prometheus 3 writes whole bounds as 5.0, and so does vLLM.
        below = f'{pods},le=~"{bound:g}|{literal(f"{float(bound)}")}"'
        series = "time_to_first_token_seconds"
        all_of_them, in_time = _rate_of(f"{series}_count", pods), _rate_of(f"{series}_bucket", below)
        found.append(record("model_late_first_tokens:rate5m", f"{all_of_them} - {in_time}"))
    return found


def _now(stack: StackSettings, name: str) -> str:
    return _named(f"vllm:{name}{{{of_any_pod(stack.cluster.namespace)}}}")


def _rate(stack: StackSettings, name: str, labels: Iterable[str] = ()) -> str:
    # Not by the models' names: of hundreds, the rules would be more than a Prometheus operator takes.
    return _rate_of(name, of_any_pod(stack.cluster.namespace), labels)


def _rate_of(name: str, chosen: str, labels: Iterable[str] = ()) -> str:
    by = ", ".join(("model", *labels))
    return f"sum by ({by}) ({_named(f'rate(vllm:{name}{{{chosen}}}[5m])')})"


def _named(series: str) -> str:
    """Series of models' pods with their models' names."""
    # The shortest beginning, or a Deployment's pod whose last word is a number would be one of a StatefulSet.
    return replaced(series, "model", "$1", "pod", f"(.+?)-{POD}")
