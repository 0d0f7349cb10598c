"""What makes a platform seen: monitors, recorded series, alerts and dashboards."""

import pulumi

from components.manifests.alerts import prometheus_rule
from components.manifests.dashboards import dashboard_config_maps
from components.manifests.monitors import pod_monitors
from components.objects import create
from stacks.settings import ObservabilitySettings, StackSettings


class Observability(pulumi.ComponentResource):
    """PodMonitors and a PrometheusRule for a Prometheus operator, and dashboards for a Grafana.

    It waits for nothing, and nothing waits for it: what it makes selects by labels and names.
    """

    def __init__(
        self,
        name: str,
        stack: StackSettings,
        settings: ObservabilitySettings,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("modelyard:index:Observability", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        for manifest in (
            *pod_monitors(stack, settings),
            prometheus_rule(stack, settings),
            *dashboard_config_maps(stack, settings),
        ):
            create(f"{name}-{manifest['kind'].lower()}-{manifest['metadata']['name']}", manifest, child)
        self.register_outputs({})
