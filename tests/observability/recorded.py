"""What a stack's rules would have recorded in the last hour, as a Prometheus's own data."""

import math
import re
import time
import zlib
from itertools import product
from pathlib import Path
from typing import TypeVar

from components.manifests.dashboards.questions import dashboards
from stacks.settings import StackSettings
from tests.observability.stacks import of

T = TypeVar("T")

SECONDS = 3600
STEP = 15

LABELS = {
    "route": ("chat", "Big/Model"),
    "served_by": ("qwen", "gemma"),
    "consumer": ("web", "batch"),
    "model": ("qwen", "gemma"),
    "status": ("200", "503"),
    "finished_reason": ("stop", "length"),
    "flags": ("UPE", "SI"),
}
"""The labels that recorded series have, with values."""

_CALLED = ("route", "served_by", "consumer")
_LABELS_OF = {
    r"route_errors:.*|before_model_seconds:.*": ("route",),
    r"model_finished:.*": ("model", "finished_reason"),
    r"model_.*": ("model",),
    r"requests:.*": (*_CALLED, "status"),
    r"broken_off:.*": (*_CALLED, "flags"),
    r"\w+_tokens:.*": _CALLED,
    r"fallbacks:.*|duration_seconds:.*|time_to_first_token_seconds:.*": ("route", "served_by"),
    r"gateway_pods:count": (),
}
_ABOUT = {
    r"cached_.*": 200.0,
    r"fallbacks:.*|broken_off:.*": 0.5,
    r".*:ratio_.*|.*usage:max": 0.04,
    r".*_seconds:.*": 0.05,
    r".*_tokens:.*": 800.0,
    r".*pods:count": 2.0,
    r".*": 3.0,
}
"""Around which value a series goes up and down."""


def asked(stack: StackSettings) -> set[str]:
    """The recorded series that the dashboards of a stack show."""
    return {
        name
        for dashboard in dashboards(stack, of(stack))
        for row in dashboard.rows
        for panel in row.panels
        for query in panel.queries
        for name in re.findall(r"modelyard:([a-z0-9_:]+)", query.expression)
    }


def write(stack: StackSettings, file: Path) -> None:
    """Write all of them in OpenMetrics: waves, so that a line is no flat one."""
    now = int(time.time())
    lines = []
    for name in sorted(asked(stack)):
        lines.append(f"# TYPE modelyard:{name} gauge")
        labels = _of(_LABELS_OF, name)
        # No two of them lie upon each other, or are in proportion.
        phase = zlib.crc32(name.encode()) % 10
        about = _of(_ABOUT, name) * (1 + phase / 20)
        for number, values in enumerate(product(*(LABELS[label] for label in labels))):
            own = {"namespace": stack.cluster.namespace, **dict(zip(labels, values, strict=True))}
            told = ",".join(f'{label}="{value}"' for label, value in own.items())
            for moment in range(now - SECONDS, now, STEP):
                value = about * (1 + number / 10 + math.sin(moment / 300 + number + phase) / 4)
                lines.append(f"modelyard:{name}{{{told}}} {value:.6g} {moment}")
    file.write_text("\n".join([*lines, "# EOF\n"]))


def _of(table: dict[str, T], name: str) -> T:
    return next(value for pattern, value in table.items() if re.fullmatch(pattern, name))
