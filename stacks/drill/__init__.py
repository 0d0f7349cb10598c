"""What clients see of the loss of a model: its pods are killed for real, under a steady stream of requests."""

from stacks.drill.report import Loss, Report, Sample

__all__ = ["Loss", "Report", "Sample"]
