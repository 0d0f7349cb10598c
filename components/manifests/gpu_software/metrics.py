"""Metrics of GPUs, in the terms of the charts that have NVIDIA's DCGM exporter."""

from components.manifests.objects import Manifest
from stacks.settings.gpu_software import ServiceMonitorSettings

SCRAPE_SECONDS = 10
"""What a reading of the metrics may take. Prometheus takes no longer one than the time between two of them."""


def service_monitor(settings: ServiceMonitorSettings | None) -> Manifest:
    """The value ``serviceMonitor``, which both charts have."""
    if settings is None:
        return {"enabled": False}
    return {
        "enabled": True,
        "interval": f"{settings.interval_seconds}s",
        "scrapeTimeout": f"{min(SCRAPE_SECONDS, settings.interval_seconds)}s",
        "additionalLabels": settings.labels,
    }
