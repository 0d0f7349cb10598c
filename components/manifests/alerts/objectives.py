"""Objectives over 30 days, and alerts by how fast their error budgets go.

An error budget is the share that may fail. The windows and factors are those of Google's SRE workbook, chapter
"Alerting on SLOs": an alert fires when a long window shows that the budget goes too fast, and a short one that it still
does.
"""

from dataclasses import dataclass

from components.manifests.alerts.alert import Severity, alert
from components.manifests.alerts.expressions import record, share
from components.manifests.objects import Manifest
from stacks.settings import ObservabilitySettings, StackSettings

MIN_REQUESTS = 10
"""Requests that a long window must have, so that one failure in a quiet night wakes nobody."""
INTERVAL_SECONDS = 60
"""Time between two evaluations of the rules."""
ALL_ROUTES = "*"
"""The route of requests whose route is not known, as that of Higress's errors."""


@dataclass(frozen=True)
class Burn:
    """A speed at which an error budget goes that somebody has to know of."""

    long: str
    """The window that it is measured over."""
    short: str
    """The window over which it has to go on."""
    factor: float
    """How many times faster than what uses up the budget in 30 days."""
    spent: str
    """Share of the budget that the long window uses up at that speed."""
    severity: Severity


BURNS = (
    Burn("1h", "5m", 14.4, "2 %", "critical"),
    Burn("6h", "30m", 6, "5 %", "critical"),
    Burn("1d", "2h", 3, "10 %", "warning"),
    Burn("3d", "6h", 1, "10 %", "warning"),
)
"""From the fastest to the slowest."""
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True)
class Objective:
    """What is promised of requests, and how its alerts tell of it."""

    alert: str
    """The alerts' name."""
    failed: str
    """Series, but for the window, of the share that failed it."""
    counted: str
    """Series, but for the window, of how many requests there were."""
    percent: float
    """The share that is to keep it."""
    summary: str
    """What is wrong, in a line."""
    did: str
    """What those did that failed it."""
    are_to: str
    """What all are to do."""
    may: str
    """What some may do."""


def objective_rules(stack: StackSettings) -> list[Manifest]:
    """What has failed the objectives, as shares of all over each window, and how many requests there were."""
    found = []
    for window in WINDOWS:
        found.append(_of_routes(stack, f"route_errors:ratio_{window}", _failed(stack, window)))
        late, all_of_it = (
            _over(window, "model", _own(stack, f"model_{which}first_tokens:rate5m")) for which in ("late_", "")
        )
        found.append(record(f"model_late_first_tokens:ratio_{window}", f"{late} / ({all_of_it} > 0)"))
    for burn in BURNS:
        requests, first_tokens = _requests(stack), _own(stack, "model_first_tokens:rate5m")
        found += [
            _of_routes(stack, f"route_requests:count_{burn.long}", _count(burn, requests, _route_label(stack))),
            record(f"model_first_tokens:count_{burn.long}", _count(burn, first_tokens, "model")),
        ]
    return found


def burn_alerts(stack: StackSettings, settings: ObservabilitySettings) -> list[Manifest]:
    """The alerts of both objectives."""
    broken_off = ", or not to the end" if stack.gateway.kind == "envoy" else ""
    routes = Objective(
        alert="ModelyardRouteErrorBudgetBurn",
        failed="route_errors:ratio",
        counted="route_requests:count",
        percent=settings.alerts.availability_percent,
        summary=f"Route {{{{ $labels.route }}}} answers too many requests with a status of 500 or above{broken_off}",
        did="failed",
        are_to="succeed",
        may="fail",
    )
    models = Objective(
        alert="ModelyardFirstTokenBudgetBurn",
        failed="model_late_first_tokens:ratio",
        counted="model_first_tokens:count",
        percent=settings.alerts.ttft_percent,
        summary="Model {{ $labels.model }} gives too many first tokens too late",
        did="waited too long for their first token",
        are_to="be in time",
        may="be late",
    )
    return [_burning(stack, settings, objective, burn) for objective in (routes, models) for burn in BURNS]


def _burning(stack: StackSettings, settings: ObservabilitySettings, of: Objective, burn: Burn) -> Manifest:
    most = f"{burn.factor * (100 - of.percent) / 100:.6g}"
    return alert(
        settings,
        of.alert,
        burn.severity,
        f"{_own(stack, f'{of.failed}_{burn.long}')} > {most}"
        f" and {_own(stack, f'{of.failed}_{burn.short}')} > {most}"
        f" and {_own(stack, f'{of.counted}_{burn.long}')} >= {MIN_REQUESTS}",
        summary=of.summary,
        description=(
            f"{{{{ $value | humanizePercentage }}}} of its requests {of.did} in the last {burn.long}, and "
            f"{of.percent:g} % are to {of.are_to}. At this speed {burn.long} of it is {burn.spent} "
            f"of what may {of.may} in 30 days."
        ),
        window=burn.long,
    )


def _failed(stack: StackSettings, window: str) -> str:
    label = _route_label(stack)
    failed = [_requests(stack, 'status=~"5.."')]
    if stack.gateway.kind == "envoy":
        failed.append(_own(stack, "broken_off:rate5m", 'route!=""'))
    return share(_over(window, label, *failed), _over(window, label, _requests(stack)))


def _route_label(stack: StackSettings) -> str:
    """The label that requests are told apart by. Higress tells of no error which route had it."""
    return "route" if stack.gateway.kind == "envoy" else ""


def _of_routes(stack: StackSettings, name: str, expression: str) -> Manifest:
    rule = record(name, expression)
    return rule if _route_label(stack) else {**rule, "labels": {"route": ALL_ROUTES}}


def _requests(stack: StackSettings, *further: str) -> str:
    # What no route took has an empty one: unknown models and wrong keys.
    return _own(stack, "requests:rate5m", *(['route!=""'] if _route_label(stack) else []), *further)


def _own(stack: StackSettings, name: str, *further: str) -> str:
    matchers = ",".join((f'namespace="{stack.cluster.namespace}"', *further))
    return f"modelyard:{name}{{{matchers}}}"


def _over(window: str, label: str, *series: str) -> str:
    # The quotient of two sums of rates is that of the counts. A series that began late counts as none before, and
    # nobody reads the counters of all pods over three days again and again.
    return f"sum by ({label}) ({' or '.join(f'sum_over_time({each}[{window}])' for each in series)})"


def _count(burn: Burn, series: str, label: str) -> str:
    # Each sample is the rate of the time since the one before.
    return f"{_over(burn.long, label, series)} * {INTERVAL_SECONDS}"
