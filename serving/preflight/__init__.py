"""What can be known to go wrong before any weight is loaded, in well under a second."""

from collections.abc import Iterator

from serving.preflight.finding import Finding
from serving.preflight.gpus import gpu_findings
from serving.preflight.host import disk, port, shared_memory, token
from serving.preflight.model import config, weights
from serving.settings import ServingSettings

__all__ = ["Finding", "model_findings", "preflight"]


def preflight(settings: ServingSettings) -> Iterator[Finding]:
    """Look at everything, in the order of what is most to the point."""
    yield from gpu_findings(settings)
    yield shared_memory(settings)
    yield port(settings)
    yield token(settings)
    yield disk(settings)
    yield from model_findings(settings)


def model_findings(settings: ServingSettings) -> Iterator[Finding]:
    """Look at the model's files, as far as they are in this container."""
    yield config(settings)
    yield weights(settings)
