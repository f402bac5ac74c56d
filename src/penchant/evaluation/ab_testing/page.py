"""An experiment's report as one HTML file that needs nothing else."""

from datetime import UTC, datetime
from html import escape
from pathlib import Path

import jinja2

from penchant.errors import ConfigError
from penchant.evaluation.ab_testing.analysis import Compared, ExperimentReport

WIDTH, ROW = 480, 30


def write_page(report: ExperimentReport, path: Path) -> None:
    """Write the page; `ConfigError` where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(report), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.", hint="Choose another place.") from None


def render(report: ExperimentReport) -> str:
    """The page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("penchant.evaluation", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = [(m.measure, m.better, one) for m in report.measures for one in m.comparisons]
    return environment.get_template("ab_testing/page.html.j2").render(
        report=report,
        rows=rows,
        chart=forest([(f"{name} · {one.arm}", one) for name, _, one in rows]),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def forest(rows: list[tuple[str, Compared]]) -> str:
    """Relative effects with their intervals around no effect, as inline SVG; "" where there is none."""
    told = [(name, one.effect.relative, one.effect.relative_interval) for name, one in rows]
    shown = [(name, middle, ends) for name, middle, ends in told if middle is not None and ends is not None]
    if not shown:
        return ""
    left = max(110, *(16 + 7 * len(name) for name, _, _ in shown))
    reach = 1.1 * max(abs(end) for _, _, ends in shown for end in ends) or 1.0
    scale, height = (WIDTH - 20) / (2 * reach), ROW * len(shown) + 26
    zero = left + (WIDTH - 20) / 2
    parts = [f'<line class="chance" x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{height - 22}"/>']
    parts += [
        f'<text class="tick" text-anchor="middle" x="{zero + mark * scale:.1f}" y="{height - 6}">'
        f"{100 * mark:+.1f} %</text>"
        for mark in (-reach / 1.1, 0.0, reach / 1.1)
    ]
    for n, (name, middle, ends) in enumerate(shown):
        y, low, high = ROW * n + ROW / 2, zero + ends[0] * scale, zero + ends[1] * scale
        parts.append(
            f'<text class="name" text-anchor="end" x="{left - 10}" y="{y + 4:.1f}">{escape(name)}</text>'
            f'<path class="whisker" d="M{low:.1f} {y:.1f}H{high:.1f}M{low:.1f} {y - 5:.1f}v10'
            f'M{high:.1f} {y - 5:.1f}v10"/>'
            f'<circle class="point series-0" cx="{zero + middle * scale:.1f}" cy="{y:.1f}" r="4">'
            f"<title>{escape(name)}: {100 * middle:+.2f} % "
            f"({100 * ends[0]:+.2f} to {100 * ends[1]:+.2f})</title></circle>"
        )
    return f'<svg viewBox="0 0 {left + WIDTH} {height}" role="img" aria-label="Relative effects">{"".join(parts)}</svg>'
