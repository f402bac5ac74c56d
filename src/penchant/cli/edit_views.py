"""How an edit and the log of edits look on a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from penchant.records import Edit, EditEntry, EditResult, MovedItem

SHOWN = 10


def result_view(result: EditResult, *, kept: bool) -> RenderableType:
    """What was taken, and the first items with where they were before."""
    edit = result.edit
    lines = [Text(f"{edit.user_id}: {_said(edit)}", style="bold")]
    if result.matches:
        first, *others = result.matches
        taken = first.concept if first.concept_id == edit.concept_id else str(edit.concept_id)
        near = f" (near it: {', '.join(other.concept for other in others)})" if others else ""
        lines.append(Text(f"“{edit.text}” is taken for {taken}{near}."))
    if result.repeated:
        lines.append(Text("This edit was taken before; nothing changed.", style="yellow"))
    grid = Table.grid(padding=(0, 2))
    for _ in range(2):
        grid.add_column(justify="right", no_wrap=True)
    grid.add_column()
    grid.add_column(justify="right", no_wrap=True)
    for item in [one for one in result.moved if one.rank_after is not None][:SHOWN]:
        change = "" if item.change is None else f"{item.change:+.2f}"
        grid.add_row(f"{item.rank_after}.", Text(_was(item), style="dim"), Text(item.title, style="bold"), change)
    gone = [item.title for item in result.moved if item.rank_after is None]
    tail = [Text(f"No longer among the first: {', '.join(gone)}.", style="dim")] if gone else []
    note = f"Undo with --undo {edit.edit_id}." if kept else "Nothing is kept: name a store with --store."
    return Group(*lines, grid, *tail, Text(note, style="dim"))


def log_view(entries: Sequence[EditEntry]) -> RenderableType:
    """One line an edit, newest first; those that count no more are dim."""
    if not entries:
        return Text("No edits yet.", style="yellow")
    return Group(
        *(
            Text(
                f"{entry.edit.edit_id}  {_said(entry.edit, entry.concept)}",
                style="" if entry.standing else "dim strike",
            )
            for entry in entries
        )
    )


def _said(edit: Edit, concept: str | None = None) -> str:
    what = {"add": edit.text, "forget": edit.event_id, "undo": edit.undoes}.get(edit.action)
    return f"{edit.action} {what or concept or edit.concept_id or 'everything'}"


def _was(item: MovedItem) -> str:
    if item.rank_before is None:
        return "new"
    return "=" if item.rank_before == item.rank_after else f"was {item.rank_before}."
