"""What all alerts have in common."""

from typing import Literal

from components.manifests.objects import Manifest
from stacks.settings import ObservabilitySettings

Severity = Literal["critical", "warning"]
"""``critical``: somebody has to look now. ``warning``: within the working day."""


def alert(
    settings: ObservabilitySettings,
    name: str,
    severity: Severity,
    expression: str,
    *,
    summary: str,
    description: str,
    lasting: str | None = None,
    **own_labels: str,
) -> Manifest:
    """An alerting rule.

    Args:
        settings: where its page is, and what labels all alerts have.
        name: its name, and that of its page.
        severity: how soon somebody has to look.
        expression: what has to be so, in PromQL.
        summary: what is wrong, in a line.
        description: what was measured.
        lasting: how long it has to be so, such as ``15m``.
        own_labels: its further labels.
    """
    return {
        "alert": name,
        "expr": expression,
        **({"for": lasting} if lasting else {}),
        "labels": {**settings.alerts.labels, "severity": severity, **own_labels},
        "annotations": {
            "summary": summary,
            "description": description,
            "runbook_url": f"{settings.alerts.runbooks}/{name}.md",
        },
    }
