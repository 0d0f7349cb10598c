"""How long requests took around each fault, one panel a fault, as an SVG that stands alone."""

import html
import math
from collections.abc import Iterator, Mapping, Sequence

Points = Sequence[tuple[float, float]]
"""When each request was sent, in seconds from the fault, and how many seconds it took."""

_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP, _BOTTOM = 960, 170, 64, 16, 26, 30
_LEAST, _MOST = 0.01, 10.0
"""Seconds at the bottom and at the top of a panel."""
_BIN_SECONDS = 0.25
_COLOURS = ("#2563eb", "#d97706")


def drawn(points: Mapping[tuple[str, str], Points]) -> str:
    """The plot of requests by fault and gateway: the longest of each quarter of a second."""
    faults = list(dict.fromkeys(fault for fault, _ in points))
    colours = dict(zip(dict.fromkeys(gateway for _, gateway in points), _COLOURS, strict=False))
    ends = [at for found in points.values() for at, _ in found]
    begin, end = math.floor(min(ends)), math.ceil(max(ends))
    height = _PANEL * len(faults) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for row, fault in enumerate(faults):
        parts.append(f'<g transform="translate(0 {row * _PANEL})">')
        parts.extend(_axes(fault, begin, end))
        for gateway, colour in colours.items():
            parts.extend(_line(points.get((fault, gateway), ()), begin, end, colour))
        parts.append("</g>")
    legend = _LEFT
    for gateway, colour in colours.items():
        parts.append(f'<text x="{legend}" y="{height - 8}" fill="{colour}">{html.escape(gateway)}</text>')
        legend += 90
    parts.append(
        f'<text x="{legend}" y="{height - 8}">longest request of each quarter of a second, by when it was sent</text>'
    )
    return "\n".join([*parts, "</svg>", ""])


def longest(points: Points) -> list[tuple[float, float]]:
    """The middle of each quarter of a second in which requests were sent, and what the longest of them took."""
    found: dict[int, float] = {}
    for at, seconds in points:
        place = math.floor(at / _BIN_SECONDS)
        found[place] = max(found.get(place, 0.0), seconds)
    return [((place + 0.5) * _BIN_SECONDS, found[place]) for place in sorted(found)]


def _axes(fault: str, begin: float, end: float) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="16" font-weight="bold">{html.escape(fault)}</text>'
    for power in range(round(math.log10(_LEAST)), round(math.log10(_MOST)) + 1):
        y = f"{_y(10.0**power):.1f}"
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 6}" y="{y}" dy="4" text-anchor="end">{10.0**power:g} s</text>'
    for at in range(math.ceil(begin / 5) * 5, math.floor(end) + 1, 5):
        x = f"{_x(at, begin, end):.1f}"
        yield f'<text x="{x}" y="{_PANEL - 12}" text-anchor="middle">{at} s</text>'
    x = f"{_x(0, begin, end):.1f}"
    yield f'<line x1="{x}" x2="{x}" y1="{_TOP}" y2="{_PANEL - _BOTTOM}" stroke="#888" stroke-dasharray="4 3"/>'


def _line(points: Points, begin: float, end: float, colour: str) -> Iterator[str]:
    places = " ".join(f"{_x(at, begin, end):.1f},{_y(seconds):.1f}" for at, seconds in longest(points))
    if places:
        yield f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _x(at: float, begin: float, end: float) -> float:
    return _LEFT + (at - begin) / (end - begin) * (_WIDTH - _LEFT - _RIGHT)


def _y(seconds: float) -> float:
    share = math.log10(min(max(seconds, _LEAST), _MOST) / _LEAST) / math.log10(_MOST / _LEAST)
    return _PANEL - _BOTTOM - share * (_PANEL - _TOP - _BOTTOM)
