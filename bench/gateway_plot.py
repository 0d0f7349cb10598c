"""Draws what gateways add to a request, from the table in docs/figures.md: ``python -m bench.gateway_plot``."""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import entry

DOCS = Path(__file__).parent.parent / "docs"
TABLE, PLOT = DOCS / "figures.md", DOCS / "gateway.svg"
HEADING = "## What gateways add to a request"

_WIDTH, _ROW, _LEFT, _RIGHT, _TOP, _BOTTOM = 960, 20, 170, 16, 28, 28
_LEAST, _MOST = 0.1, 10_000.0
"""Milliseconds at the left and at the right of a panel."""
_COLOURS = {1: "#2563eb", 32: "#d97706", 256: "#64748b"}
"""By connections."""


@dataclass(frozen=True)
class Added:
    """One row of the table."""

    shape: str
    """What is asked."""
    connections: int
    gateway: str
    milliseconds: float
    """What it adds to the median."""


def rows(text: str) -> list[Added]:
    """The rows of the table in a page's text, less those that add nothing or had no answer."""
    section = text.partition(f"{HEADING}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()]
    table = [row for row in cells if len(row) == 7 and row[1].isdigit()]
    return [
        Added(shape, int(connections), gateway, float(added))
        for shape, connections, gateway, _, _, added, _ in table
        if added not in ("-", "0.00")
    ]


def drawn(found: Sequence[Added]) -> str:
    """A panel for each kind of request, with a line for each gateway, as an SVG that stands alone."""
    shapes, gateways = (
        list(dict.fromkeys(names)) for names in zip(*((a.shape, a.gateway) for a in found), strict=True)
    )
    panel = _TOP + _ROW * len(gateways) + _BOTTOM
    height = panel * len(shapes) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for number, shape in enumerate(shapes):
        parts.append(f'<g transform="translate(0 {number * panel})">')
        parts.extend(_axes(shape, gateways))
        parts.extend(_point(one, gateways.index(one.gateway)) for one in found if one.shape == shape)
        parts.append("</g>")
    for number, (connections, colour) in enumerate(_COLOURS.items()):
        text = f"{connections} connection{'s' if connections > 1 else ''}"
        parts.append(f'<text x="{_LEFT + 130 * number}" y="{height - 8}" fill="{colour}">● {text}</text>')
    parts.append(
        f'<text x="{_LEFT + 130 * len(_COLOURS)}" y="{height - 8}">what the median takes more than without</text>'
    )
    return "\n".join([*parts, "</svg>", ""])


def _axes(shape: str, gateways: Sequence[str]) -> Iterator[str]:
    bottom = _TOP + _ROW * len(gateways)
    yield f'<text x="{_LEFT}" y="16" font-weight="bold">{html.escape(shape)}</text>'
    for power in range(round(math.log10(_LEAST)), round(math.log10(_MOST)) + 1):
        x = f"{_x(10.0**power):.1f}"
        yield f'<line x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}" stroke="#ddd"/>'
        yield f'<text x="{x}" y="{bottom + 14}" text-anchor="middle">{10.0**power:,g} ms</text>'
    for number, gateway in enumerate(gateways):
        yield f'<text x="{_LEFT - 8}" y="{_y(number) + 4}" text-anchor="end">{html.escape(gateway)}</text>'


def _point(one: Added, row: int) -> str:
    title = f"{one.gateway}, {one.connections}: {one.milliseconds:g} ms"
    place = f'cx="{_x(one.milliseconds):.1f}" cy="{_y(row)}"'
    return f'<circle {place} r="5" fill="{_COLOURS[one.connections]}"><title>{html.escape(title)}</title></circle>'


def _x(milliseconds: float) -> float:
    share = math.log10(min(max(milliseconds, _LEAST), _MOST) / _LEAST) / math.log10(_MOST / _LEAST)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT - 24)


def _y(row: int) -> int:
    return _TOP + _ROW * row + _ROW // 2


def main() -> None:
    """Draw it."""
    PLOT.write_text(drawn(rows(TABLE.read_text())))


if __name__ == "__main__":
    entry.run(main)
