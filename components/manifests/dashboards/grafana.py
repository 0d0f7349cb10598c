"""Dashboards as Grafana's JSON, by its own foundation SDK.

The SDK is that of Grafana 10.1. Later ones bring what they read to their own form.
"""

import hashlib
import json

from grafana_foundation_sdk.builders import common, prometheus, timeseries
from grafana_foundation_sdk.builders import dashboard as sdk
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement, StackingMode, TooltipDisplayMode
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType, DataSourceRef

from components.manifests.dashboards.panels import Dashboard, Panel
from components.manifests.objects import Manifest

_DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_UNITS = {"tokens/s": "suffix: tokens/s"}


def model_of(dashboard: Dashboard, namespace: str, owner: str) -> Manifest:
    """A dashboard in Grafana's JSON model, with the Prometheus to choose at its head.

    Args:
        dashboard: what it shows.
        namespace: the models' namespace, which its title names.
        owner: what tells the stack from others of the namespace.
    """
    tag = f"modelyard-{namespace}-{owner}"
    made = (
        sdk.Dashboard(f"{dashboard.question} Models of {namespace}")
        # Grafana takes 40 characters.
        .uid(f"modelyard-{hashlib.sha256(f'{tag}-{dashboard.key}'.encode()).hexdigest()[:16]}")
        .tags(["modelyard", tag])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-3h", "now")
        .refresh("30s")
        .with_variable(sdk.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .link(
            sdk.DashboardLink("Other questions")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([tag])
            .as_dropdown(True)
            .keep_time(True)
        )
    )
    number = 0
    for row in dashboard.rows:
        made.with_row(sdk.Row(row.title))
        for panel in row.panels:
            number += 1
            made.with_panel(_panel(number, panel))
    found: Manifest = json.loads(JSONEncoder(sort_keys=True).encode(made.build()))
    return found


def _panel(number: int, panel: Panel) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .id(number)
        .title(panel.title)
        .description(panel.description)
        .datasource(_DATASOURCE)
        .unit(_UNITS.get(panel.unit, panel.unit))
        .min(0)
        .fill_opacity(25 if panel.stacked else 5)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if panel.stacked:
        made.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for place, query in enumerate(panel.queries):
        made.with_target(
            prometheus.Dataquery().ref_id(chr(ord("A") + place)).expr(query.expression).legend_format(query.legend)
        )
    return made
