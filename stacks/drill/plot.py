"""How long each request of a loss took, by when it was sent, as SVG."""

import html
import math
from collections.abc import Iterator
from dataclasses import dataclass

from stacks.drill.report import Loss, Sample
from stacks.drill.table import seconds

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 960, 340, 56, 16, 30, 40

_LEAST_SECONDS = 0.001


@dataclass(frozen=True)
class _Frame:
    begin: float
    end: float
    top: float

    def x(self, at: float) -> float:
        share = (min(at, self.end) - self.begin) / (self.end - self.begin)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - value / self.top * (_HEIGHT - _TOP - _BOTTOM)


def plot(loss: Loss) -> str:
    """The plot of a loss, or nothing where there was no request. Its colours are classes of the page's style."""
    if not loss.samples:
        return ""
    frame = _Frame(
        begin=loss.samples[0].at,
        end=max(loss.samples[-1].at, 1.0),
        top=ceiling(max(sample.seconds for sample in loss.samples)),
    )
    return "\n".join(
        [
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            'aria-label="Seconds that each request took, by when it was sent">',
            *_axes(frame),
            *_marks(frame, loss),
            *(_dot(frame, loss, sample) for sample in loss.samples),
            "</svg>",
        ]
    )


def ceiling(value: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    least = max(value, _LEAST_SECONDS)
    power: float = 10.0 ** math.floor(math.log10(least))
    return next((step * power for step in (1, 2, 5) if step * power >= least), 10 * power)


def _axes(frame: _Frame) -> Iterator[str]:
    for quarter in range(5):
        value = frame.top * quarter / 4
        y = f"{frame.y(value):.1f}"
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y}" dy="4" text-anchor="end">{value:.3g} s</text>'
    step = ceiling((frame.end - frame.begin) / 10)
    for tick in range(math.ceil(frame.begin / step), math.floor(frame.end / step) + 1):
        yield f'<text x="{frame.x(tick * step):.1f}" y="{_HEIGHT - 20}" text-anchor="middle">{tick * step:.3g}</text>'
    yield f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 4}" text-anchor="middle">seconds since the pods were killed</text>'


def _marks(frame: _Frame, loss: Loss) -> Iterator[str]:
    known = {"first fallback": loss.first_fallback_seconds, "recovery": loss.recovery_seconds}
    marks = {"killed": 0.0, **{f"{name} {seconds(at)}": at for name, at in known.items() if at is not None}}
    for row, (name, at) in enumerate(marks.items()):
        x, anchor = f"{frame.x(at):.1f}", "end" if frame.x(at) > _WIDTH * 0.8 else "start"
        yield f'<line class="mark" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
        # In two rows: the first two marks are often beside each other.
        yield f'<text x="{x}" y="{_TOP - 5 - 12 * (row % 2)}" text-anchor="{anchor}">{name}</text>'


def _dot(frame: _Frame, loss: Loss, sample: Sample) -> str:
    when = f"{sample.at:+.2f} s, {'streamed' if sample.streamed else 'plain'}, took {sample.seconds:.2f} s"
    if sample.error is not None:
        style, what = "failed", f"{when}: {sample.error}"
    else:
        style = "own" if sample.served_by == loss.model else "other"
        what = f"{when}, by {sample.served_by}"
    place = f'cx="{frame.x(sample.at):.1f}" cy="{frame.y(sample.seconds):.1f}"'
    return f'<circle {place} r="3.5" class="{style}"><title>{html.escape(what)}</title></circle>'
