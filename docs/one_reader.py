"""Fills the section "One reader, from start to end" of docs/interests.md: what Penchant says of one reader of the
bundled books, in the words that its commands print, and two pictures.

Each block after a line ``<!-- shown: NAME -->`` is made here; the text between the blocks is not.

    penchant import "$(python -c 'from penchant.bundled import BOOKS; print(BOOKS)')" --name goodbooks --to DATA
    penchant fit DATA --config experiments/interests/drift/config.toml --to BUNDLE
    python docs/one_reader.py BUNDLE
"""

import argparse
import io
import re
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, RenderableType

from penchant.cli.drift_views import user_view
from penchant.cli.edit_views import result_view
from penchant.cli.reading_views import explanation_view, replay_view
from penchant.cli.views import profile_view, slate_view
from penchant.pipeline.interest_model import InterestModel, load
from penchant.plots.explanation import draw_score
from penchant.plots.replay import draw_replay
from penchant.records import Event, Interest

HERE = Path(__file__).parent
READER = "657"
MORE = "popular science"
SEARCH = "spy thrillers"
FAR = 1_000
WIDTH = 108


def printed(*views: RenderableType) -> str:
    """What a terminal without colours would show."""
    written = io.StringIO()
    console = Console(file=written, width=WIDTH, no_color=True, color_system=None)
    for view in views:
        console.print(view)
    return "\n".join(line.rstrip() for line in written.getvalue().rstrip().splitlines())


def shortened(why: str, *, shown: int = 4) -> str:
    """An explanation with the first of the events that add to the score by themselves, and how many are left out."""
    lines, events = [], 0
    for line in why.splitlines():
        events += (of_events := bool(re.match(r"[+-][\d.]+  event ", line)))
        if not of_events or events <= shown:
            lines.append(line)
        elif events == shown + 1:
            lines.append("")
            place = len(lines) - 1
    if events > shown:
        lines[place] = f"   …     event       {events - shown} more lines"
    return "\n".join(lines)


def history(model: InterestModel, *, shown: int = 5) -> str:
    """The first books, some from the middle, and the last, each with its place."""
    events = model.history(READER, limit=10_000)[::-1]
    middle = len(events) // 2
    lines = []
    for start in (0, middle, len(events) - shown):
        titles = "; ".join(event.title for event in events[start : start + shown])
        lines.append(f"{start + 1:>4}–{start + shown:<4} {titles}")
    return "\n".join(lines)


def after_a_search(model: InterestModel, *, shown: int = 5) -> str:
    """What the profile says of what he typed, and the first books of it with where they were before."""
    before, had = ranks(model), {interest.concept for interest in model.interests(READER, limit=40).interests}
    model.observe([Event(user_id=READER, item_id=None, event_type="search", text=SEARCH, event_id="search-1")])
    profile = model.interests(READER, limit=40).interests
    moved = [one for one in profile if any(event.event_type == "search" for event in one.evidence)]
    lines = [f"search: {SEARCH}", *(_told(one, new=one.concept not in had) for one in moved), ""]
    after = sorted((rank, title) for title, rank in ranks(model).items())
    lines += [f"{rank:>3}.  was {before.get(title, f'below {FAR}')!s:>9}  {title}" for rank, title in after[:shown]]
    return "\n".join(lines)


def ranks(model: InterestModel) -> dict[str, int]:
    """The ranks of the books that bear what he searches for, among the first `FAR`."""
    items = model.recommend(READER, FAR, explain=False).items
    return {item.title: item.rank for item in items if SEARCH in model.item(item.item_id).concepts}


def _told(one: Interest, *, new: bool) -> str:
    effect = next(event.effect for event in one.evidence if event.event_type == "search")
    now = "new in the profile" if new else "in the profile"
    return (
        f"{one.concept}: {now}, strength {one.strength:+.2f}, {effect:+.2f} of it by the search; source: {one.source}"
    )


def blocks(model: InterestModel, pictures: Path) -> Iterator[tuple[str, str]]:
    """Every block with its name, in the order of the page; the search comes last, since it stays."""
    yield "history", history(model)
    yield "profile", printed(profile_view(model.interests(READER, limit=6), evidence=2))
    replay = model.replay(READER)
    draw_replay(replay, pictures / "one-reader-replay.svg")
    yield "replay", printed(replay_view(replay))
    slate = model.recommend(READER, 3)
    yield "slate", printed(slate_view(slate))
    told = model.explain(READER, slate.items[0].item_id)
    draw_score(told, pictures / "one-reader-why.svg")
    yield "why", shortened(printed(explanation_view(told)).split("\n\nWhat the tracker looked at")[0])
    [concept] = [one for one in model.concepts(MORE) if one.concept == MORE]
    edited = model.edit(READER, concept.concept_id, "more", edit_id="edit-1")
    yield "edit", printed(result_view(edited, kept=True))
    model.edit(READER, action="undo")
    yield "drift", printed(user_view(model.drift(READER)))
    yield "search", after_a_search(model)


def main() -> None:
    """Read the bundle, fill the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--page", type=Path, default=HERE / "interests.md")
    options = parser.parse_args()
    model = load(options.bundle)
    page = options.page.read_text()
    for name, text in blocks(model, options.page.parent / "images"):
        block = re.compile(rf"(<!-- shown: {name} -->\n```text\n).*?(\n```)", re.DOTALL)
        if (place := block.search(page)) is None:
            raise SystemExit(f"{options.page} has no block called {name}.")
        page = page[: place.start()] + place[1] + text + place[2] + page[place.end() :]
    options.page.write_text(page)


if __name__ == "__main__":
    main()
