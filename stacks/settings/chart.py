"""Helm charts that the program installs."""

from typing import Annotated

from stacks.settings.base import Form, Settings

ChartText = Annotated[
    str, Form(r"^.+$", "is empty or of two lines, and no chart is found by it: write one line, or leave it out")
]
"""Where a chart is, or which version of it."""


class ChartSettings(Settings):
    """Where a Helm chart comes from."""

    version: ChartText
    """The chart's version."""
    source: ChartText
    """A chart repository (``https://...``), a chart in a registry (``oci://...``), or a folder or archive."""
