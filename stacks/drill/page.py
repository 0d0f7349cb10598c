"""The report of a drill as one HTML file, with a plot of each loss. Nothing has to be loaded to open it."""

import html
from collections.abc import Iterator

from stacks.drill.plot import plot
from stacks.drill.report import Loss, Report
from stacks.drill.table import COLUMNS, rows

_STYLE = """
:root { color-scheme: light dark; --own: #2563eb; --other: #d97706; --failed: #dc2626; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .8rem .3rem 0; text-align: left; white-space: nowrap; }
svg { width: 100%; height: auto; font-size: 12px; }
svg text { fill: currentColor; }
svg line { stroke: var(--line); } svg line.mark { stroke: currentColor; stroke-dasharray: 4 3; }
.own { fill: var(--own); } .other { fill: var(--other); } .failed { fill: var(--failed); }
.ok { color: #16a34a; } .bad { color: var(--failed); } .key { display: inline-block; margin-right: 1.2rem; }
.key svg { width: 10px; height: 10px; }
"""


def page(report: Report) -> str:
    """The page of a report."""
    title = f"Fail-over drill of {report.stack}"
    verdict = '<strong class="ok">passed</strong>' if report.passed else '<strong class="bad">failed</strong>'
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{_text(title)}</h1><p>{_text(report.began)}: {verdict}</p>",
            *_table(report),
            *(part for loss in report.losses for part in _loss(loss)),
            "</body></html>",
            "",
        ]
    )


def _table(report: Report) -> Iterator[str]:
    yield f"<table><tr>{''.join(f'<th>{_text(column)}</th>' for column in COLUMNS)}</tr>"
    for row in rows(report):
        yield f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>"
    yield "</table>"


def _loss(loss: Loss) -> Iterator[str]:
    yield f"<h2>{_text(loss.route)}: {_text(loss.model)} is lost</h2>"
    for problem in loss.problems:
        yield f'<p class="bad">{_text(problem)}</p>'
    keys = (("own", f"answered by {loss.model}"), ("other", "answered by a fallback"), ("failed", "failed or cut"))
    yield "<p>"
    for style, what in keys:
        dot = f'<svg viewBox="0 0 10 10"><circle cx="5" cy="5" r="4" class="{style}"/></svg>'
        yield f'<span class="key">{dot} {_text(what)}</span>'
    yield "</p>"
    yield plot(loss)


def _text(text: str) -> str:
    return html.escape(text)
