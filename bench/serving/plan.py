"""What is started and measured, one step after the other. A plan is JSON, so that it can go to another machine."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.serving.servers import Arm
from bench.serving.workloads import Cell


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes of no use to a kind of step are left at their defaults.
    """

    do: str
    """``start`` servers, ``measure`` cells of servers that run, or ``stop`` servers."""
    shape: str = ""
    """The model's shape, by its name in the plan."""
    arms: tuple[Arm, ...] = ()
    """The servers. Those of one step start at the same time."""
    cells: tuple[Cell, ...] = ()
    """What to measure. Each repetition takes all cells, and each cell all servers, forwards and backwards in turn."""
    repetitions: tuple[int, ...] = ()
    """Numbers of the repetitions, which are the seeds of their prompts."""
    label: str = ""
    """What the step's lines are called in the results."""


@dataclass(frozen=True)
class Plan:
    """All steps, with the shapes that they name."""

    shapes: dict[str, dict[str, Any]]
    """Every shape's config.json."""
    steps: tuple[Step, ...]
    """The steps, in order."""

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, file: Path) -> "Plan":
        """Read it."""
        written = json.loads(file.read_text())
        steps = [
            Step(
                **{
                    **step,
                    "arms": tuple(Arm(**{**arm, "arguments": tuple(arm["arguments"])}) for arm in step["arms"]),
                    "cells": tuple(Cell(**cell) for cell in step["cells"]),
                    "repetitions": tuple(step["repetitions"]),
                }
            )
            for step in written["steps"]
        ]
        return cls(written["shapes"], tuple(steps))
