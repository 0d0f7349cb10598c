"""What clients see of the loss of a model: its pods are killed for real, under a steady stream of requests."""

from stacks.drill.losing import DrillError, drill
from stacks.drill.page import page
from stacks.drill.report import Loss, Report, Sample
from stacks.drill.table import table

__all__ = ["DrillError", "Loss", "Report", "Sample", "drill", "page", "table"]
