"""Dashboards of a stack, each as a ConfigMap that the sidecar of Grafana's chart loads."""

import json

from components.manifests.dashboards.questions import dashboards
from components.manifests.monitors import owner
from components.manifests.objects import Manifest, labels, metadata
from stacks.settings import ObservabilitySettings, StackSettings


def dashboard_config_maps(stack: StackSettings, settings: ObservabilitySettings) -> list[Manifest]:
    """The ConfigMaps, one a dashboard, in the models' namespace."""
    if not settings.dashboards.enabled:
        return []
    # Here, for most stacks have none.
    from components.manifests.dashboards.grafana import model_of

    namespace, own = stack.cluster.namespace, owner(stack)
    all_labels = {**labels("dashboard", own, "observability"), **settings.dashboards.labels}
    found = []
    for dashboard in dashboards(stack, settings):
        name = f"{own}-dashboard-{dashboard.key}"
        head = metadata(name, namespace, all_labels)
        if settings.dashboards.annotations:
            head["annotations"] = settings.dashboards.annotations
        text = json.dumps(model_of(dashboard, namespace, own), sort_keys=True)
        # The key is a file's name in Grafana, where all stacks' are in one folder.
        data = {f"{namespace}-{name}.json": text}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": head, "data": data})
    return found
