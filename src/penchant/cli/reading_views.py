"""How explanations, concepts and replays look on a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from penchant.interests.explained import Explanation
from penchant.pipeline.concept_views import ConceptList, ConceptVector, ConceptView
from penchant.pipeline.replaying import Replay, ReplayLine

BLOCKS = "▁▂▃▄▅▆▇█"
WIDEST = 48


def explanation_view(told: Explanation) -> RenderableType:
    """The sentence, the parts with the events behind them, what would be without them, read-outs and paths."""
    lines: list[RenderableType] = [Text(told.sentence, style="bold")]
    if told.note:
        lines.append(Text(told.note, style="yellow"))
    lines.append(Text(f"\nScore {told.score:.4f}, rank {told.rank} of {told.candidates:,}; the sum of"))
    grid = _grid()
    for part in told.parts:
        grid.add_row(f"{part.contribution:+.4f}", Text(part.source, style="cyan"), part.text)
        for event in part.evidence:
            grid.add_row("", "", Text(f"{event.effect:+.2f}σ  {event.title}", style="dim"))
    lines.append(grid)
    if told.counterfactuals:
        lines.append(Text("\nIf it were otherwise", style="bold"))
        lines += [Text(f"{one.text} ({one.change:+.4f})") for one in told.counterfactuals]
    if told.readout is not None:
        lines.append(Text("\nWhat the tracker looked at", style="bold"))
        grid = _grid()
        for read in told.readout.events:
            grid.add_row(f"{read.attention:.0%}", f"{read.gradient:+.3f}", read.title)
        lines.append(grid)
        lines.append(Text("share of the attention, and score by integrated gradients", style="dim"))
    if told.paths:
        lines.append(Text("\nWhat the catalogue knows", style="bold"))
        lines += [Text(path.text) for path in told.paths]
    return Group(*lines)


def concepts_view(found: Sequence[ConceptView]) -> RenderableType:
    """One line a concept, its examples below."""
    if not found:
        return Text("No concept matches.", style="yellow")
    grid = Table.grid(padding=(0, 2))
    for head in ("concept", "items", "users", "purity", "under"):
        grid.add_column(head)
    grid.add_row(*(Text(head, style="dim") for head in ("concept", "items", "users", "purity", "under")))
    for view in found:
        purity = "" if view.purity is None else f"{view.purity:.2f}"
        under = "" if view.parent is None else view.parent.concept
        grid.add_row(Text(view.concept, style="bold"), f"{view.size:,}", f"{view.users:,}", purity, under)
        grid.add_row(Text("; ".join(example.title for example in view.examples[:3]), style="dim"))
    return grid


def vector_view(vector: ConceptVector, *, limit: int) -> RenderableType:
    """The axes that are not 0, and the items nearest."""
    if vector.cold:
        return Text(f"{vector.user_id}: no events, so no interests yet.", style="yellow")
    told = f"{len(vector.axes)} of {vector.concepts} axes are not 0 (sparsity {vector.sparsity:.1%})"
    grid = _grid()
    for axis in vector.axes[:limit]:
        grid.add_row(f"{axis.value:+.2f}", axis.concept)
    near = _grid()
    for item in vector.nearest:
        near.add_row(f"{item.similarity:.2f}", item.title, Text(", ".join(item.shared), style="dim"))
    return Group(Text(told, style="dim"), grid, Text("\nNearest in concept space", style="bold"), near)


def lists_view(lists: Sequence[ConceptList]) -> RenderableType:
    """A list of items under each interest."""
    parts: list[RenderableType] = []
    for one in lists:
        below = ", ".join(interest.concept for interest in one.interests if interest.concept_id != one.concept_id)
        parts.append(Text(f"\n{one.concept}" + (f" ({below})" if below else ""), style="bold"))
        parts += [Text(f"{item.rank:>5}. {item.title}") for item in one.items]
    return Group(*parts)


def replay_view(told: Replay) -> RenderableType:
    """Each concept as a row of bars, and who led when."""
    if told.cold:
        return Text(told.note, style="yellow")
    grid = _grid()
    for line in told.lines:
        grid.add_row(Text(line.concept, style="bold"), _sparkline(line), f"{line.strength[-1]:+.1f}")
    turns = []
    for before, moment in zip((None, *told.moments), told.moments, strict=False):
        if moment.leading and (before is None or before.leading != moment.leading):
            turns.append(Text(f"after {moment.events:,} events: {moment.leading} leads ({moment.title})", style="dim"))
    note = [Text(told.note, style="yellow")] if told.note else []
    return Group(*note, grid, *turns[-12:])


def _sparkline(line: ReplayLine) -> Text:
    step = max(1, len(line.strength) // WIDEST)
    values = line.strength[::-1][::step][::-1]
    top = max(1.0, *line.strength)
    return Text("".join(BLOCKS[min(7, max(0, int(8 * value / top)))] if value > 0 else " " for value in values))


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    return grid
