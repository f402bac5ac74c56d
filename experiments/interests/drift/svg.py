"""A small line chart."""

from collections.abc import Mapping

from penchant.types import DoubleArray

COLOURS = ("#c0392b", "#e67e22", "#2471a3", "#7f8c8d")
LEFT, TOP, WIDTH, HEIGHT = 60, 30, 560, 240


def chart(curves: Mapping[str, DoubleArray], *, change: int) -> str:
    """Mean drift scores by event; `change` is the event of the change."""
    parts = []
    for value in (0.0, 0.5, 1.0):
        y = TOP + HEIGHT * (1 - value)
        parts.append(f'<line x1="{LEFT}" y1="{y}" x2="{LEFT + WIDTH}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{value}</text>')
    longest = max(len(values) for values in curves.values())
    step = WIDTH / (longest - 1)
    x = LEFT + step * (change - 0.5)
    parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + HEIGHT}" stroke="#999" stroke-dasharray="4"/>')
    for n in range(0, longest, 10):
        parts.append(
            f'<text x="{LEFT + step * n:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{n - change:+d}</text>'
        )
    for n, (name, values) in enumerate(curves.items()):
        points = " ".join(f"{LEFT + step * k:.1f},{TOP + HEIGHT * (1 - v):.1f}" for k, v in enumerate(values))
        colour = COLOURS[n % len(COLOURS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{LEFT + WIDTH + 10}" y="{TOP + 20 + 20 * n}" fill="{colour}">{name}</text>')
    parts.append(
        f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 38}" text-anchor="middle">events since the change</text>'
    )
    parts.append(f'<text x="{LEFT}" y="18">mean drift score of planted readers</text>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 740 320" font-family="sans-serif" font-size="12">'
        f'<rect width="740" height="320" fill="#fff"/>{"".join(parts)}</svg>\n'
    )
