"""The dashboards, one a question, by the recorded series of a stack: see ``components.manifests.alerts``."""

from dataclasses import replace

from components.manifests.alerts.expressions import QUANTILES, share
from components.manifests.alerts.objectives import ALL_ROUTES
from components.manifests.dashboards.panels import Dashboard, Panel, Query, Row, Unit
from stacks.settings import ObservabilitySettings, StackSettings


def dashboards(stack: StackSettings, settings: ObservabilitySettings) -> list[Dashboard]:
    """All dashboards of a stack."""
    own = f'namespace="{stack.cluster.namespace}"'
    envoy = stack.gateway.kind == "envoy"
    return [
        _health(own, settings, envoy=envoy),
        _speed(own, settings, envoy=envoy),
        _cost(own, envoy=envoy),
        _fallbacks(own, envoy=envoy),
    ]


def _health(own: str, settings: ObservabilitySettings, *, envoy: bool) -> Dashboard:
    requests = f"modelyard:requests:rate5m{{{own}}}"
    errors = f'modelyard:requests:rate5m{{{own},status=~"[45].*"}}'
    alerts = settings.alerts
    return Dashboard(
        "health",
        "Is it healthy?",
        (
            Row(
                "Objectives",
                (
                    Panel(
                        "Requests that failed",
                        "percentunit",
                        (
                            Query(f"modelyard:route_errors:ratio_1h{{{own}}}", "{{route}}, 1 hour"),
                            Query(f"modelyard:route_errors:ratio_3d{{{own}}}", "{{route}}, 3 days"),
                        ),
                        f"Share {_failures(envoy=envoy)}. At most {100 - alerts.availability_percent:g} % may. "
                        + ("" if envoy else f"Higress tells no route of errors: {ALL_ROUTES} is all of them."),
                    ),
                    Panel(
                        "First tokens that were late",
                        "percentunit",
                        (
                            Query(f"modelyard:model_late_first_tokens:ratio_1h{{{own}}}", "{{model}}, 1 hour"),
                            Query(f"modelyard:model_late_first_tokens:ratio_3d{{{own}}}", "{{model}}, 3 days"),
                        ),
                        f"By the engine's clock. At most {100 - alerts.ttft_percent:g} % may be.",
                    ),
                ),
            ),
            Row(
                "Gateway",
                (
                    _by("Requests by status", "reqps", "status", requests, stacked=True),
                    _by("Requests by route", "reqps", "route", requests, stacked=True),
                    Panel(
                        "Errors by class",
                        "reqps",
                        (
                            Query(
                                f"sum by (route, served_by, status) ({errors})", "{{status}} {{route}} by {{served_by}}"
                            ),
                            *((_broken_off(own),) if envoy else ()),
                        ),
                    ),
                    *((_by_consumer(errors),) if envoy else ()),
                    Panel("Pods of the gateway", "short", (Query(f"modelyard:gateway_pods:count{{{own}}}", "pods"),)),
                ),
            ),
            Row(
                "Models",
                (
                    _of_models("Replicas that are seen", "short", own, "model_pods:count"),
                    _of_models("Requests that wait", "short", own, "model_waiting:sum"),
                    _of_models("Requests that run", "short", own, "model_running:sum"),
                    _of_models("KV cache in use", "percentunit", own, "model_kv_cache_usage:max"),
                    Panel(
                        "Requests by how they ended",
                        "reqps",
                        (Query(f"modelyard:model_finished:rate5m{{{own}}}", "{{model}}, {{finished_reason}}"),),
                    ),
                    _of_models("Requests put back for lack of KV cache", "reqps", own, "model_preemptions:rate5m"),
                ),
            ),
        ),
    )


def _by_consumer(errors: str) -> Panel:
    """Whose requests fail: Higress tells of no error whose it was."""
    return Panel(
        "Errors by consumer", "reqps", (Query(f"sum by (consumer, status) ({errors})", "{{consumer}} {{status}}"),)
    )


def _failures(*, envoy: bool) -> str:
    return "with a status of 500 or above" + (", or whose answer broke off" if envoy else "")


def _broken_off(own: str) -> Query:
    """Answers that began with 200, so no status tells of them."""
    series = f"modelyard:broken_off:rate5m{{{own}}}"
    return Query(f"sum by (route, served_by, flags) ({series})", "broken off ({{flags}}) {{route}} by {{served_by}}")


def _speed(own: str, settings: ObservabilitySettings, *, envoy: bool) -> Dashboard:
    clients = (
        (
            _first_token(own),
            _quantiles("Whole request", own, "duration_seconds", "{{route}} by {{served_by}}"),
            _quantiles("Before the model that answers", own, "before_model_seconds", "{{route}}"),
        )
        if envoy
        else (
            _mean("Time to first token, streams", own, "time_to_first_token_seconds"),
            _mean("Whole request", own, "duration_seconds"),
        )
    )
    bounds = sorted({settings.alerts.ttft_seconds, *settings.alerts.model_ttft_seconds.values()})
    objective = ", ".join(f"{bound:g}" for bound in bounds)
    return Dashboard(
        "speed",
        "Who is slow?",
        (
            Row("As the gateway sees it, for clients", clients),
            Row(
                "As engines see it",
                (
                    _quantiles(
                        "Time to first token, by model",
                        own,
                        "model_time_to_first_token_seconds",
                        "{{model}}",
                        f"Objectives in seconds: {objective}.",
                    ),
                    _quantiles("Time per output token", own, "model_time_per_output_token_seconds", "{{model}}"),
                    _quantiles("In the queue", own, "model_queue_seconds", "{{model}}"),
                    _quantiles("Whole request, by model", own, "model_duration_seconds", "{{model}}"),
                ),
            ),
            Row(
                "Why",
                (
                    _of_models("Requests that wait, by model", "short", own, "model_waiting:sum"),
                    _of_models("KV cache in use, by model", "percentunit", own, "model_kv_cache_usage:max"),
                    _of_models("Prompt tokens found in the prefix cache", "percentunit", own, _PREFIX_HITS),
                    _of_models("Output tokens, by model", "tokens/s", own, "model_output_tokens:rate5m"),
                ),
            ),
        ),
    )


_PREFIX_HITS = "model_prefix_cache_hits:ratio_rate5m"


def _cost(own: str, *, envoy: bool) -> Dashboard:
    def tokens(kind: str) -> str:
        return f"modelyard:{kind}_tokens:rate5m{{{own}}}"

    by_consumer = [
        _by("Input tokens by consumer", "tokens/s", "consumer", tokens("input"), stacked=True),
        _by("Output tokens by consumer", "tokens/s", "consumer", tokens("output"), stacked=True),
        _by("Requests by consumer", "reqps", "consumer", f"modelyard:requests:rate5m{{{own}}}", stacked=True),
    ]
    cached = (
        Panel(
            "Input tokens that were in the cache",
            "percentunit",
            (
                Query(
                    # Of what models don't tell, the share is not 0.
                    f"sum by (consumer) ({tokens('cached_input')})"
                    f" / (sum by (consumer) ({tokens('input')} and {tokens('cached_input')}) > 0)",
                    "{{consumer}}",
                ),
            ),
            "Share of the input tokens that the model did not have to read again, where models tell: vLLM does with "
            "--enable-prompt-tokens-details.",
        ),
    )
    return Dashboard(
        "cost",
        "Who pays?",
        (
            Row("Consumers", (*by_consumer, *(cached if envoy else ()))),
            Row(
                "Routes and models",
                (
                    _by("Input tokens by route", "tokens/s", "route", tokens("input"), stacked=True),
                    _by("Output tokens by route", "tokens/s", "route", tokens("output"), stacked=True),
                    _by("Input tokens by model", "tokens/s", "served_by", tokens("input"), stacked=True),
                    _by("Output tokens by model", "tokens/s", "served_by", tokens("output"), stacked=True),
                ),
            ),
            Row(
                "What engines did",
                (
                    _of_models("Prompt tokens read", "tokens/s", own, "model_input_tokens:rate5m"),
                    _of_models("Tokens written", "tokens/s", own, "model_output_tokens:rate5m"),
                ),
            ),
        ),
    )


def _fallbacks(own: str, *, envoy: bool) -> Dashboard:
    fallbacks = f"modelyard:fallbacks:rate5m{{{own}}}"
    answers = f'modelyard:requests:rate5m{{{own},route!="",status=~"2.."}}'
    errors = f'modelyard:requests:rate5m{{{own},status=~"5.."}}'
    return Dashboard(
        "fallbacks",
        "What fell back?",
        (
            Row(
                "Fallbacks",
                (
                    Panel(
                        "Answers that came from a fallback",
                        "percentunit",
                        (Query(share(f"sum by (route) ({fallbacks})", f"sum by (route) ({answers})"), "{{route}}"),),
                    ),
                    Panel(
                        "Fallbacks by who answered",
                        "reqps",
                        (Query(fallbacks, "{{route}} by {{served_by}}"),),
                        stacked=True,
                    ),
                    Panel(
                        "Who served",
                        "reqps",
                        (Query(f"sum by (route, served_by) ({answers})", "{{route}} by {{served_by}}"),),
                        stacked=True,
                    ),
                    Panel(
                        "Chains that failed whole",
                        "reqps",
                        (Query(f"sum by (route, status) ({errors})", "{{route}} {{status}}"),),
                        "" if envoy else "Higress tells no route of errors.",
                    ),
                ),
            ),
            Row(
                "Why",
                (
                    _of_models("Replicas that are seen, by model", "short", own, "model_pods:count"),
                    _of_models("Requests that wait for a model", "short", own, "model_waiting:sum"),
                ),
            ),
        ),
    )


def _by(title: str, unit: Unit, label: str, series: str, *, stacked: bool = False) -> Panel:
    return Panel(title, unit, (Query(f"sum by ({label}) ({series})", f"{{{{{label}}}}}"),), stacked=stacked)


def _of_models(title: str, unit: Unit, own: str, name: str) -> Panel:
    return Panel(title, unit, (Query(f"modelyard:{name}{{{own}}}", "{{model}}"),))


def _mean(title: str, own: str, name: str) -> Panel:
    query = Query(f"modelyard:{name}:mean5m{{{own}}}", "{{route}} by {{served_by}}, mean")
    return Panel(title, "s", (query,), "Higress counts sums of times, so there are means and no quantiles.")


def _first_token(own: str) -> Panel:
    name, legend = "time_to_first_token_seconds", "{{route}} by {{served_by}}"
    told = "Quantiles are as exact as the bounds of the histogram's buckets, and the mean is to two digits."
    found = _quantiles("Time to first token, streams", own, name, legend, told)
    mean = Query(f"modelyard:{name}:mean5m{{{own}}}", f"{legend}, mean")
    return replace(found, queries=(*found.queries, mean))


def _quantiles(title: str, own: str, name: str, legend: str, description: str = "") -> Panel:
    queries = tuple(Query(f"modelyard:{name}:{word}_5m{{{own}}}", f"{legend}, {word}") for word in QUANTILES)
    return Panel(title, "s", queries, description)
