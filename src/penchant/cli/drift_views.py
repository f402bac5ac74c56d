"""How drift looks on a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from penchant.records import Drift, DriftHistory, PopulationDrift

STEPS = "▁▂▃▄▅▆▇█"
COLOURS = {"new": "magenta", "returning": "green", "rising": "green", "faded": "yellow", "shift": "red"}
WIDTH = 60


def drift_line(drift: Drift) -> Text:
    """One line for a profile: the score, and the last change in words."""
    if not drift.watched:
        return Text("drift: too few events to tell", style="dim")
    line = Text(f"drift {drift.score:.2f}", style="dim")
    if drift.alarms:
        line.append(f"  last change: {drift.alarms[0].words}", style=COLOURS[drift.alarms[0].kind])
    return line


def user_view(history: DriftHistory) -> RenderableType:
    """The score over time, and each change noticed, the newest first."""
    if not history.points:
        return Text(f"{history.user_id}: no events, so no drift.", style="yellow")
    scores = [point.score for point in history.points]
    lines: list[RenderableType] = [
        Text(f"{sparkline(scores)}  drift {history.drift.score:.2f} after {len(scores)} events", style="cyan")
    ]
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for alarm in history.drift.alarms:
        also = f"; with it {', '.join(alarm.also[:3])}" if alarm.also else ""
        grid.add_row(Text(alarm.event_id, style="dim"), Text(alarm.words + also, style=COLOURS[alarm.kind]))
    if not history.drift.watched:
        lines.append(Text("Too few events to tell a change: the first ones teach what is usual.", style="yellow"))
    elif not history.drift.alarms:
        lines.append(Text("No change was noticed.", style="dim"))
    return Group(*lines, grid)


def population_view(drift: PopulationDrift) -> RenderableType:
    """Each change noticed, the newest first."""
    head = Text(f"{drift.events:,} events read, {drift.watched} concepts watched", style="dim")
    if not drift.alarms:
        return Group(head, Text("No change was noticed.", style="dim"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column()
    for alarm in drift.alarms:
        colour = "green" if alarm.kind == "more" else "yellow"
        grid.add_row(Text(f"event {alarm.event:,}", style="dim"), Text(alarm.words, style=colour))
    return Group(head, grid)


def sparkline(scores: Sequence[float]) -> str:
    """Scores in [0, 1] as a line of at most 60 bars, each the largest of its part."""
    size = -(-len(scores) // WIDTH)
    parts = [max(scores[start : start + size]) for start in range(0, len(scores), size)] if scores else []
    return "".join(STEPS[min(int(score * len(STEPS)), len(STEPS) - 1)] for score in parts)
