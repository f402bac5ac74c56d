"""Curves with bands, such as regret over rounds with its interval over worlds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from penchant.errors import ConfigError
from penchant.plots.files import COLOURS, figure, short


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A named line, and a band around it where `low` and `high` are given."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def draw_curves(curves: Sequence[Curve], file: Path, *, title: str, x_label: str, y_label: str) -> None:
    """Write the picture, each curve named at its end. `ConfigError` for none, or for lengths that differ."""
    if not curves:
        raise ConfigError("No curve to draw came.", hint="Give one or more.")
    for one in curves:
        if len(one.x) != len(one.y) or len(one.low) != len(one.high) or len(one.low) not in {0, len(one.y)}:
            raise ConfigError(f"The parts of {one.label!r} have different lengths.", hint="Give one value for each x.")
    with figure(file, width=8.0, height=4.6) as drawn:
        axes = drawn.add_subplot()
        for n, one in enumerate(curves):
            colour = COLOURS[n % len(COLOURS)]
            axes.plot(one.x, one.y, color=colour, linewidth=1.8, label=short(one.label, 32))
            if one.low:
                axes.fill_between(one.x, one.low, one.high, color=colour, alpha=0.15, linewidth=0)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.set_title(title, loc="left")
        drawn.legend(loc="outside right upper", frameon=False)
