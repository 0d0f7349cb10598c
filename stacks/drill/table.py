"""The losses of a drill as a table of text."""

from stacks.drill.report import Loss, Report

COLUMNS = ("route", "killed", "requests", "failed", "cut streams", "first fallback", "recovery", "slowest answer")
"""The heads of the columns."""


def rows(report: Report) -> list[tuple[str, ...]]:
    """A row of texts for each loss, in the order of ``COLUMNS``."""
    return [_row(loss) for loss in report.losses]


def table(report: Report) -> str:
    """The table in Markdown, which is readable as it stands."""
    lines = [COLUMNS, *rows(report)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(COLUMNS))]
    head, *others = [
        f"| {' | '.join(text.ljust(width) for text, width in zip(line, widths, strict=True))} |" for line in lines
    ]
    ruler = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join((head, ruler, *others))


def _row(loss: Loss) -> tuple[str, ...]:
    return (
        loss.route,
        ", ".join(loss.killed),
        str(len(loss.samples)),
        str(loss.failed_requests),
        str(loss.cut_streams),
        seconds(loss.first_fallback_seconds),
        seconds(loss.recovery_seconds),
        seconds(loss.slowest_seconds),
    )


def seconds(value: float | None) -> str:
    """A time for people."""
    return "never" if value is None else f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
