"""Helm charts that the program installs."""

from stacks.settings.base import Settings


class ChartSettings(Settings):
    """Where a Helm chart comes from."""

    version: str
    """The chart's version."""
    source: str
    """A chart repository (``https://...``), a chart in a registry (``oci://...``), or a folder or archive."""
