"""What the Envoy gateway counts, under the recorded names."""

from collections.abc import Callable

from components.manifests.alerts.expressions import QUANTILES, rate, record
from components.manifests.envoy.metrics import PREFIX
from components.manifests.objects import Manifest
from stacks.settings import StackSettings

_ANSWERED = ("route", "served_by")
_CALLED = (*_ANSWERED, "consumer")


def gateway_rules(stack: StackSettings) -> list[Manifest]:
    """The recording rules of the gateway."""
    pods = f'namespace="{stack.cluster.namespace}",pod=~"{stack.envoy.name}-[0-9a-z]{{5,10}}-?[0-9a-z]{{5}}"'

    def series(name: str, *further: str) -> str:
        return f"envoy_{PREFIX}_{name}{{{','.join((pods, *further))}}}"

    return [
        record("requests:rate5m", rate((*_CALLED, "status"), series("requests_total"))),
        # Of status 200 that are errors: their answers broke off.
        record("broken_off:rate5m", rate((*_CALLED, "flags"), series("errors_total", 'status=~"2.."'))),
        record("fallbacks:rate5m", rate(_ANSWERED, series("fallbacks_total"))),
        *(
            record(f"{kind}_tokens:rate5m", rate(_CALLED, series(f"{kind}_tokens_total")))
            for kind in ("input", "cached_input", "output")
        ),
        *_times("duration_seconds", series, "duration_ms", _ANSWERED),
        *_times("time_to_first_token_seconds", series, "time_to_first_token_ms", _ANSWERED),
        *_times("before_model_seconds", series, "before_upstream_us", ("route",), of_a_second=1_000_000),
        record("gateway_pods:count", f"count(envoy_server_live{{{pods}}} == 1)"),
        record("unread_bodies:rate5m", f"sum(rate(envoy_http_lua_errors{{{pods}}}[5m]))"),
    ]


def _times(
    name: str, series: Callable[..., str], histogram: str, labels: tuple[str, ...], of_a_second: int = 1000
) -> list[Manifest]:
    found = [
        record(
            f"{name}:mean5m",
            f"{rate(labels, series(f'{histogram}_sum'))} / ({rate(labels, series(f'{histogram}_count'))} > 0)"
            f" / {of_a_second}",
        )
    ]
    buckets = rate((*labels, "le"), series(f"{histogram}_bucket"))
    for word, quantile in QUANTILES.items():
        found.append(record(f"{name}:{word}_5m", f"histogram_quantile({quantile:g}, {buckets}) / {of_a_second}"))
    return found
