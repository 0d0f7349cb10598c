"""Replicas of more GPUs than a node has."""

from typing import Annotated, Any

from pydantic import Field

from stacks.settings.base import Form, Settings
from stacks.settings.chart import ChartSettings, ChartText

ResourceName = Annotated[
    str,
    Form(
        r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        "is no extended resource that a device plugin could offer: write one with its domain, such as rdma/ib",
    ),
]
"""The name of an extended resource."""


class RdmaSettings(Settings):
    """Network devices for RDMA, which a device plugin offers as a resource of the nodes."""

    resource: ResourceName
    """The extended resource, such as ``rdma/ib`` or ``vpc.amazonaws.com/efa``."""
    count: int = Field(default=1, ge=1, le=1024)
    """Devices of one pod."""


class LeaderWorkerSetChartSettings(ChartSettings):
    """Where LeaderWorkerSet's chart comes from."""

    version: ChartText = "0.9.0"
    """The chart's version."""
    source: ChartText = "oci://registry.k8s.io/lws/charts/lws"
    """A chart repository (``https://...``), a chart in a registry (``oci://...``), or a folder or archive."""


class LeaderWorkerSetSettings(Settings):
    """LeaderWorkerSet, the operator that runs replicas of more GPUs than a node has.

    It is installed in ``lws-system`` where a native model needs it and llmaz's chart has not brought it already.
    """

    install: bool = True
    """Whether the program installs it. False where the cluster has it already."""
    chart: LeaderWorkerSetChartSettings = LeaderWorkerSetChartSettings()
    """The Helm chart."""
    values: dict[str, Any] = {}
    """Further values of the chart, laid over what the other settings make. They are no place for secrets."""
