"""What a dashboard is, whatever shows it."""

from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["short", "percentunit", "s", "reqps", "tokens/s"]
"""What values are: plain numbers, shares from 0 to 1, seconds, requests or tokens a second."""


@dataclass(frozen=True)
class Query:
    """What a panel asks a Prometheus."""

    expression: str
    """In PromQL."""
    legend: str
    """What its series are called, with labels as ``{{route}}``."""


@dataclass(frozen=True)
class Panel:
    """A picture of series over time."""

    title: str
    unit: Unit
    queries: tuple[Query, ...]
    description: str = ""
    """What a reader has to know to read it right."""
    stacked: bool = False
    """Whether the series are parts of a sum."""


@dataclass(frozen=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """The answer to one question."""

    key: str
    """Its name in names of objects."""
    question: str
    """Its title."""
    rows: tuple[Row, ...] = field(default=())
