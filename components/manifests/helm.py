"""What Helm releases have in common: where a chart comes from, and whose values count."""

from dataclasses import dataclass
from typing import Any

from stacks.settings.chart import ChartSettings


@dataclass(frozen=True)
class ChartSource:
    """Where a Helm chart comes from, in the terms of a Helm release."""

    chart: str
    """Its name in a repository, its ``oci://`` address, or its path."""
    repository: str | None
    """URL of the repository, where it is in one."""
    version: str | None
    """Its version. None for a path, which holds one version only."""


def chart_source(name: str, settings: ChartSettings) -> ChartSource:
    """Where a chart comes from, as the settings say.

    Args:
        name: the chart's name, by which a repository knows it.
        settings: version and source.
    """
    if settings.source.startswith(("https://", "http://")):
        return ChartSource(name, settings.source, settings.version)
    if settings.source.startswith("oci://"):
        return ChartSource(settings.source, None, settings.version)
    return ChartSource(settings.source, None, None)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two mappings as one, down to their leaves. Where both have a leaf, the second's counts."""
    both = {
        key: merged(below[key], value) if isinstance(below.get(key), dict) and isinstance(value, dict) else value
        for key, value in above.items()
    }
    return {**below, **both}
