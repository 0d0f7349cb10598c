"""Monitors, alerts and dashboards, for a Prometheus operator and a Grafana that the cluster has."""

from typing import Annotated

from pydantic import AfterValidator, Field

from stacks.settings.base import Form, Name, Settings, refusal
from stacks.settings.serving import LabelKey, LabelValue

AlertLabel = Annotated[
    str,
    Form(
        r"^[A-Za-z_][A-Za-z0-9_]*$",
        "is no name that every Prometheus takes for a label: use letters, digits and '_', and begin with no digit",
    ),
    Form(
        r"^(?!(alertname|model|namespace|route|severity|window)$)[A-Za-z_][A-Za-z0-9_]*$",
        "is a label that alerts have of their own, by which two of them are told apart: choose another one, such as "
        "team",
    ),
]
"""The name of a label that alerts are given."""

TTFT_BOUNDS = (0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80)
"""Times to the first token, in seconds, that vLLM counts requests below: bounds of its histogram's buckets."""


def _bound(value: float) -> float:
    if value in TTFT_BOUNDS:
        return value
    raise refusal(
        "is no time below which vLLM counts requests, so none could be told from those that took longer: write one of "
        + ", ".join(f"{bound:g}" for bound in TTFT_BOUNDS)
    )


TtftSeconds = Annotated[float, AfterValidator(_bound), Field(json_schema_extra={"enum": list(TTFT_BOUNDS)})]
"""A time to the first token that an objective can have."""


class AlertSettings(Settings):
    """What is promised of routes and models, and alerts for when the promises are in danger."""

    enabled: bool = True
    """Whether there are alerts. What dashboards show is recorded all the same."""
    availability_percent: float = Field(default=99.5, ge=95, lt=100)
    """Share of a route's requests that are answered with a status below 500, over 30 days."""
    ttft_percent: float = Field(default=95, ge=95, lt=100)
    """Share of a model's requests that have their first token in time, over 30 days."""
    ttft_seconds: TtftSeconds = 2.5
    """The time that a first token is to come in, by the engine's clock: waiting in its queue counts."""
    model_ttft_seconds: dict[Name, TtftSeconds] = {}
    """The same for single models, by their names."""
    fallback_percent: float = Field(default=20, gt=0, lt=100)
    """Share of a route's answers that may come from fallbacks for a quarter of an hour."""
    labels: dict[AlertLabel, LabelValue] = {}
    """Further labels of the alerts, by which an Alertmanager finds who is to know."""
    runbooks: Annotated[
        str,
        Form(
            r"^(https?://\S+|[\w./-]+[^/])$",
            "is no place that the pages of the alerts can be found at: write the address of the folder that holds "
            "them, such as https://git.example.com/modelyard/docs/runbook",
        ),
    ] = "docs/runbook"
    """Where the alerts' pages are: the folder ``docs/runbook`` of this program, or an address that has it."""


class GrafanaDashboardSettings(Settings):
    """Dashboards as ConfigMaps, which the sidecar of Grafana's chart loads."""

    enabled: bool = True
    """Whether there are dashboards."""
    labels: dict[LabelKey, LabelValue] = Field(default={"grafana_dashboard": "1"}, min_length=1)
    """Labels by which the sidecar finds them."""
    annotations: dict[LabelKey, str] = {}
    """Annotations, such as ``grafana_folder``, by which the sidecar chooses their folder."""


class ObservabilitySettings(Settings):
    """Monitors, recorded series and alerts for a Prometheus operator, and dashboards for a Grafana."""

    labels: dict[LabelKey, LabelValue] = {"release": "kube-prometheus-stack"}
    """Labels by which the Prometheus selects monitors and rules."""
    monitors: bool = True
    """Whether there are PodMonitors of gateway and models. Otherwise something else scrapes them, with the labels
    ``namespace`` and ``pod``."""
    interval_seconds: int = Field(default=15, ge=5, le=120)
    """Seconds between two scrapes."""
    alerts: AlertSettings = AlertSettings()
    """Objectives and alerts."""
    dashboards: GrafanaDashboardSettings = GrafanaDashboardSettings()
    """Dashboards for Grafana."""

    def ttft_seconds(self, model: str) -> float:
        """The time that a model's first tokens are to come in."""
        return self.alerts.model_ttft_seconds.get(model, self.alerts.ttft_seconds)
