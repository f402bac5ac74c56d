"""A user's interests through time: one line a concept, its long-term part thin beneath it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penchant.pipeline.replaying import Replay
from penchant.plots.files import COLOURS, GREY, figure, short


def draw_replay(told: Replay, file: Path) -> None:
    """Write the timeline of a replay: over events where the clock counts positions, else over dates."""
    with figure(file, width=10.0, height=4.8) as drawn:
        axes = drawn.add_subplot()
        places: Any = [moment.as_of for moment in told.moments]
        if told.clock == "time":
            places = [datetime.fromtimestamp(moment.as_of / 1e6, tz=UTC) for moment in told.moments]
        for n, line in enumerate(told.lines):
            colour = COLOURS[n % len(COLOURS)]
            axes.plot(places, line.strength, color=colour, linewidth=1.8, label=short(line.concept, 32))
            axes.plot(places, line.long_term, color=colour, linewidth=0.8, linestyle=":")
        axes.axhline(0.0, color=GREY, linewidth=0.8)
        axes.set_ylabel("strength, standard deviations over users")
        axes.set_xlabel("events so far" if told.clock == "position" else "")
        axes.set_title(f"{short(told.user_id, 40)}: interests over {told.events:,} events", loc="left")
        if told.lines:
            drawn.legend(loc="outside right upper", frameon=False, title="strength; dotted: long term")
        else:
            axes.annotate(
                told.note or "No interest led at any moment.", (0.5, 0.5), xycoords="axes fraction", ha="center"
            )
