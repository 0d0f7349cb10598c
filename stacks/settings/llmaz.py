"""The llmaz operator, for models whose ``backend`` is ``llmaz``."""

from typing import Any

from stacks.settings.base import Settings
from stacks.settings.chart import ChartSettings, ChartText

CHART_VERSION = "0.0.10"
"""The last version of the chart, of June 2025. Its images are those of llmaz 0.1.4."""


class LlmazChartSettings(ChartSettings):
    """Where llmaz's chart comes from."""

    version: ChartText = CHART_VERSION
    """The chart's version."""
    source: ChartText = "oci://registry-1.docker.io/inftyai/llmaz"
    """A chart repository (``https://...``), a chart in a registry (``oci://...``), or a folder or archive."""


class LlmazSettings(Settings):
    """The llmaz operator. It is installed where a model has it for its backend, in ``llmaz-system``.

    llmaz has had no commit since October 2025, so ``native`` is the default backend, and this one is
    there for who runs llmaz already or wants its objects.
    """

    chart: LlmazChartSettings = LlmazChartSettings()
    """The Helm chart."""
    leader_worker_set: bool = True
    """Whether the chart installs LeaderWorkerSet too, which llmaz needs. False where the cluster has it already."""
    values: dict[str, Any] = {}
    """Further values of the chart, laid over what the other settings make. They are no place for secrets."""
