"""Charts as inline SVG: no script, no font, no request. Colours are CSS classes of the page: `series-0`, `series-1`, …

Every text passes `html.escape` before it is drawn, so that a page may take the result as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH = 480


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its interval, and the series whose colour it has."""

    label: str
    value: float
    low: float
    high: float
    series: int


@dataclass(frozen=True, slots=True)
class Line:
    """A named line through points (x, y)."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    series: int


def ticks(top: float, wanted: int = 5) -> list[float]:
    """Round numbers from 0 to at least `top`: steps of 1, 2 or 5 times a power of ten."""
    if top <= 0:
        return [0.0, 1.0]
    raw = top / wanted
    power = 10.0 ** floor(log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * (1 - 1e-9))
    return [step * n for n in range(ceil(top / step - 1e-9) + 1)]


def bars(rows: Sequence[Bar], *, title: str, top: float = 0.0) -> str:
    """Horizontal bars with whiskers, on an axis from 0 to at least `top`."""
    left = max([110, *(16 + 7 * len(bar.label) for bar in rows)])
    right, row, head = 64, 32, 6
    marks = ticks(max([top, *(bar.high for bar in rows)]))
    scale = (WIDTH - left - right) / marks[-1]
    height = head + row * len(rows) + 24
    parts = [
        f'<line class="grid" x1="{left + mark * scale:.1f}" x2="{left + mark * scale:.1f}" y1="{head}" '
        f'y2="{height - 22}"/><text class="tick" text-anchor="middle" x="{left + mark * scale:.1f}" y="{height - 8}">'
        f"{mark:g}</text>"
        for mark in (round(mark, 10) for mark in marks)
    ]
    for n, bar in enumerate(rows):
        y = head + row * n + row / 2
        start, low, high = left, left + bar.low * scale, left + bar.high * scale
        parts.append(
            f'<text class="name" text-anchor="end" x="{left - 10}" y="{y + 4:.1f}">{escape(bar.label)}</text>'
            f'<rect class="bar series-{bar.series}" x="{start}" y="{y - 9:.1f}" height="18" rx="3" '
            f'width="{max(1.0, bar.value * scale):.1f}"><title>{escape(bar.label)}: {bar.value:.4f} '
            f"({bar.low:.4f} to {bar.high:.4f})</title></rect>"
            f'<path class="whisker" d="M{low:.1f} {y:.1f}H{high:.1f}M{low:.1f} {y - 5:.1f}v10'
            f'M{high:.1f} {y - 5:.1f}v10"/>'
            f'<text class="value" x="{high + 8:.1f}" y="{y + 4:.1f}">{bar.value:.4f}</text>'
        )
    return _svg(parts, height, title)


def lines(
    series: Sequence[Line], *, title: str, x_label: str, y_label: str, diagonal: bool = False, points: bool = False
) -> str:
    """Lines over numbers from 0; `diagonal` draws chance, `points` marks each point."""
    x_marks = ticks(max((max(line.x) for line in series if line.x), default=1.0))
    x_labels = {mark: f"{mark:,.10g}" for mark in (round(mark, 10) for mark in x_marks)}
    return _lines(series, x_labels, title=title, x_label=x_label, y_label=y_label, diagonal=diagonal, points=points)


def steps(series: Sequence[Line], labels: Sequence[str], *, title: str, x_label: str, y_label: str) -> str:
    """Lines over named places 0, 1, 2, …"""
    x_labels = {float(n): label for n, label in enumerate(labels)}
    return _lines(series, x_labels, title=title, x_label=x_label, y_label=y_label, diagonal=False, points=True)


def _lines(
    series: Sequence[Line],
    x_labels: Mapping[float, str],
    *,
    title: str,
    x_label: str,
    y_label: str,
    diagonal: bool,
    points: bool,
) -> str:
    left, right, top, bottom, height = 62, 28, 12, 44, 300
    y_marks = ticks(max((max(line.y) for line in series if line.y), default=1.0))
    wide = max([*x_labels, 1e-12])
    x_scale, y_scale = (WIDTH - left - right) / wide, (height - top - bottom) / y_marks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x * x_scale, height - bottom - y * y_scale

    parts = []
    for mark in (round(mark, 10) for mark in y_marks):
        _, y = place(0, mark)
        parts.append(
            f'<line class="grid" x1="{left}" x2="{WIDTH - right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" text-anchor="end" x="{left - 8}" y="{y + 4:.1f}">{mark:g}</text>'
        )
    for mark, label in x_labels.items():
        x, _ = place(mark, 0)
        parts.append(
            f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{height - bottom + 18}">{escape(label)}</text>'
        )
    if diagonal:
        (x1, y1), (x2, y2) = place(0, 0), place(1, 1)
        parts.append(f'<line class="chance" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    for line in series:
        at = [place(x, y) for x, y in zip(line.x, line.y, strict=True)]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in at)
        parts.append(f'<path class="line series-{line.series}" d="{path}"><title>{escape(line.label)}</title></path>')
        for (x, y), value in zip(at, line.y, strict=True) if points else ():
            parts.append(
                f'<circle class="point series-{line.series}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">'
                f"<title>{escape(line.label)}: {value:.4f}</title></circle>"
            )
    parts.append(
        f'<text class="axis" text-anchor="middle" x="{(left + WIDTH - right) / 2}" y="{height - 6}">{escape(x_label)}'
        f'</text><text class="axis" text-anchor="middle" transform="translate(14 {(top + height - bottom) / 2}) '
        f'rotate(-90)">{escape(y_label)}</text>'
    )
    return _svg(parts, height, title)


def _svg(parts: Sequence[str], height: float, title: str) -> str:
    body = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">{body}</svg>'
