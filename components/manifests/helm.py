"""What Helm releases have in common: where a chart comes from, and whose values count."""

from dataclasses import dataclass
from typing import Any

from components.manifests.objects import Manifest
from stacks.settings.chart import ChartSettings

MIRRORED_CHARTS = "charts"
"""Folder of a mirror that charts are in."""


@dataclass(frozen=True)
class ChartSource:
    """Where a Helm chart comes from, in the terms of a Helm release."""

    chart: str
    """Its name in a repository, its ``oci://`` address, or its path."""
    repository: str | None
    """URL of the repository, where it is in one."""
    version: str | None
    """Its version. None for a path, which holds one version only."""


@dataclass(frozen=True)
class ChartRelease:
    """A Helm release that the program makes."""

    name: str
    """Its name in the cluster, which is its chart's, too."""
    source: ChartSource
    """Where the chart comes from."""
    values: dict[str, Any]
    """The chart's values."""


def chart_source(name: str, settings: ChartSettings, mirror: str | None = None) -> ChartSource:
    """Where a chart comes from: what the stack says, else the mirror, else its makers.

    Args:
        name: the chart's name, by which a repository knows it. In a mirror it stands in the folder ``charts``,
            for `helm pull` and `helm push` keep its name.
        settings: version and source.
        mirror: registry and folder of the mirror, if there is one.
    """
    if mirror and settings.source == type(settings).model_fields["source"].default:
        return ChartSource(f"oci://{mirror}/{MIRRORED_CHARTS}/{name}", None, settings.version)
    if settings.source.startswith(("https://", "http://")):
        return ChartSource(name, settings.source, settings.version)
    if settings.source.startswith("oci://"):
        return ChartSource(settings.source, None, settings.version)
    return ChartSource(settings.source, None, None)


def webhook_probe(deployment: str, namespace: str, port: int) -> Manifest:
    """What is added to an operator's Deployment: it counts as started once its webhooks can be reached.

    By its chart it is ready as soon as its process runs. Until its certificate is made and mounted, which
    takes a minute or two, the webhooks would then refuse every object of a model.

    Args:
        deployment: the Deployment's name. Its container is called ``manager``.
        namespace: the Deployment's namespace.
        port: the webhooks' port in the pod.
    """
    probe = {"tcpSocket": {"port": port}, "periodSeconds": 2, "failureThreshold": 150}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": deployment, "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [{"name": "manager", "startupProbe": probe}]}}},
    }


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two mappings as one, down to their leaves. Where both have a leaf, the second's counts."""
    both = {
        key: merged(below[key], value) if isinstance(below.get(key), dict) and isinstance(value, dict) else value
        for key, value in above.items()
    }
    return {**below, **both}
