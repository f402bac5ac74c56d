"""A score as a waterfall: every part begins where the one before it ended, and the last ends at the score."""

from pathlib import Path

from penchant.interests.explained import Explanation
from penchant.plots.files import COLOURS, GREY, figure, short

OF_SOURCES = {"concept": COLOURS[0], "event": COLOURS[1], "edit": COLOURS[2], "popularity": COLOURS[3]}
MOST_BARS = 14


def waterfall(told: Explanation) -> list[tuple[str, str, float, float]]:
    """Label, source, start and end of each bar; the smallest parts are one bar. The last end is the score."""
    parts = sorted(told.parts, key=lambda part: -abs(part.contribution))
    kept = set(map(id, parts[:MOST_BARS]))
    bars: list[tuple[str, str, float, float]] = []
    level = 0.0
    for part in told.parts:
        if id(part) in kept:
            bars.append((part.text, part.source, level, level + part.contribution))
            level += part.contribution
    rest = sum(part.contribution for part in parts[MOST_BARS:])
    if len(parts) > MOST_BARS:
        bars.append((f"{len(parts) - MOST_BARS} smaller parts", "rest", level, level + rest))
    return bars


def draw_score(told: Explanation, file: Path) -> None:
    """Write the waterfall of an explanation; see `penchant.plots.files.check_target` for what is refused."""
    bars = waterfall(told)
    with figure(file, width=9.0, height=1.4 + 0.36 * len(bars)) as drawn:
        axes = drawn.add_subplot()
        for n, (_, source, start, end) in enumerate(bars):
            axes.barh(n, end - start, left=start, height=0.7, color=OF_SOURCES.get(source, GREY))
            axes.annotate(f"{end - start:+.2f}", (max(start, end), n), (4, 0), textcoords="offset points", va="center")
            if n:
                axes.plot([start, start], [n - 1 - 0.35, n + 0.35], color=GREY, linewidth=0.8)
        axes.axvline(told.score, color="black", linewidth=1.0, linestyle=":")
        axes.set_yticks(range(len(bars)), [short(label) for label, *_ in bars])
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set_xlabel(f"score {told.score:.3f}, rank {told.rank} of {told.candidates:,}")
        axes.set_title(f"{short(told.title)} for {short(told.user_id, 24)}", loc="left")
