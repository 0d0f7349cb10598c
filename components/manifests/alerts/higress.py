"""What Higress counts, under the recorded names.

Its plugin ai-statistics 2.0.1 counts answers with their route, model and caller, and sums of times without
histograms. Errors are Envoy's own, of the whole gateway: the plugin counts none.
"""

from components.manifests.alerts.expressions import as_it_is, literal, record, replaced
from components.manifests.higress import names
from components.manifests.objects import Manifest
from stacks.settings import StackSettings

_PREFIX = "route_upstream_model_consumer_metric_"
_ANSWERED = ("route", "served_by")
_CALLED = (*_ANSWERED, "consumer")
_HOP = "([.]fallback(-[0-9]+)?)?[.]internal"
"""Endings of what ai-statistics calls the places of a route's chain."""


def gateway_rules(stack: StackSettings) -> list[Manifest]:
    """The recording rules of the gateway."""
    pods = f'namespace="{stack.higress.namespace}",pod=~"{names.GATEWAY}-[0-9a-z]{{5,10}}-?[0-9a-z]{{5}}"'

    def by(labels: tuple[str, ...], name: str, further: str = "") -> str:
        return f"sum by ({', '.join(labels)}) ({_named(stack, f'rate({_PREFIX}{name}{{{pods}{further}}}[5m])')})"

    answers = by(_CALLED, "llm_duration_count")
    refused = (
        f'envoy_http_downstream_rq{{{pods},http_conn_manager_prefix=~"outbound_.*",response_code_class=~"[45]xx"}}'
    )
    errors = f"sum by (status) ({replaced(f'rate({refused}[5m])', 'status', '$1', 'response_code_class', '(.*)')})"
    return [
        record("requests:rate5m", f"{replaced(answers, 'status', '2xx', '', '')} or {errors}"),
        record(
            "fallbacks:rate5m",
            by(_ANSWERED, "llm_duration_count", ',ai_route=~".*[.]fallback(-[0-9]+)?[.]internal"'),
        ),
        record("input_tokens:rate5m", by(_CALLED, "input_token")),
        record("output_tokens:rate5m", by(_CALLED, "output_token")),
        record(
            "duration_seconds:mean5m",
            f"{by(_ANSWERED, 'llm_service_duration')} / ({by(_ANSWERED, 'llm_duration_count')} > 0) / 1000",
        ),
        record(
            "time_to_first_token_seconds:mean5m",
            f"{by(_ANSWERED, 'llm_first_token_duration')} / ({by(_ANSWERED, 'llm_stream_duration_count')} > 0) / 1000",
        ),
        record("gateway_pods:count", f"count(envoy_server_live{{{pods}}} == 1)"),
    ]


def _named(stack: StackSettings, series: str) -> str:
    """Series with the labels that the Envoy gateway has."""
    found = replaced(series, "route", "$1", "ai_route", f"ai-route-(.+?){_HOP}")
    for route in stack.all_routes:
        # Names that no object can have, and the routes that headers choose.
        if (name := names.ai_route(route)) != route.model:
            found = replaced(found, "route", as_it_is(route.model), "ai_route", f"ai-route-{literal(name)}{_HOP}")
    found = replaced(found, "served_by", "$1", "ai_cluster", "outbound[|][0-9]+[|][|]llm-(.+)[.]internal[.]dns;?")
    # What the plugin calls a caller that it does not know.
    return replaced(replaced(found, "consumer", "$1", "ai_consumer", "(.*)"), "consumer", "", "ai_consumer", "none")
