"""How profiles, slates and neighbours look on a terminal."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from penchant.cli.drift_views import drift_line
from penchant.records import Discoveries, Interest, Profile, RecommendedItem, SimilarItem, Slate

ARROWS = {"rising": "↗", "steady": "→", "fading": "↘", "new": "✦"}
COLOURS = {"rising": "green", "steady": "cyan", "fading": "yellow", "new": "magenta"}


def profile_view(profile: Profile, *, evidence: int = 0) -> RenderableType:
    """Interests as bars with their words, and under each, where asked, the events behind it."""
    if profile.cold:
        return Text(f"{profile.user_id}: no events, so no interests yet.", style="yellow")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column()
    strongest = max((abs(i.strength) for i in profile.interests), default=1.0) or 1.0
    for interest in profile.interests:
        grid.add_row(
            Text(interest.concept, style="bold"),
            _bar(interest, strongest),
            Text(f"{ARROWS[interest.trend]} {interest.summary}", style=COLOURS[interest.trend]),
        )
        for event in interest.evidence[:evidence]:
            grid.add_row("", "", Text(f"{event.effect:+.2f}  {event.title}", style="dim"))
    return Group(grid, drift_line(profile.drift)) if profile.drift else grid


def slate_view(slate: Slate, *, explain: bool = True) -> RenderableType:
    """The items in order, each with its reasons."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column()
    grid.add_column(justify="right", no_wrap=True)
    for item in slate.items:
        grid.add_row(Text(f"{item.rank}.", style="dim"), Text(item.title, style="bold"), f"{item.score:.2f}")
        if item.exploring is not None:
            grid.add_row("", Text(item.exploring.text, style="magenta"), "")
        if explain:
            for line in reason_lines(item):
                grid.add_row("", line, "")
        if abs(item.rerank_adjustment) >= 0.005:
            told = f"{item.rerank_adjustment:+.2f}  for the list as a whole (reranker and rules; not part of the score)"
            grid.add_row("", Text(told, style="dim"), "")
    note = [Text(slate.note, style="yellow")] if slate.note else []
    if not slate.items:
        note.append(Text("Nothing is left to recommend: every item is seen or excluded.", style="yellow"))
    if slate.exploration_share > 0:
        explored = sum(item.explored for item in slate.items)
        note.append(Text(f"{explored} explored; {slate.exploration_share:.0%} of places were meant to be", style="dim"))
    return Group(*note, grid)


def discoveries_view(found: Discoveries, *, titles: Mapping[str, str]) -> RenderableType:
    """Interests worth a try, each with why and with items to try it with."""
    if not found.interests:
        return Text(f"{found.user_id}: no interest is left to discover.", style="yellow")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column()
    for place, interest in enumerate(found.interests, start=1):
        grid.add_row(Text(f"{place}.", style="dim"), Text(interest.concept, style="bold magenta"), interest.text)
        names = ", ".join(titles[item_id] for item_id in interest.items[:3])
        if names:
            grid.add_row("", "", Text(f"try {names}", style="dim"))
    return grid


def reason_lines(item: RecommendedItem) -> list[Text]:
    """One line a reason, with its part of the score."""
    lines = [Text(f"{reason.contribution:+.2f}  {reason.text}", style="dim") for reason in item.reasons]
    rest = item.other + item.residual
    if item.reasons and abs(rest) >= 0.005:
        lines.append(
            Text(f"{rest:+.2f}  what has no name (other {item.other:+.2f}, residual {item.residual:+.2f})", "dim")
        )
    return lines


def similar_view(items: list[SimilarItem]) -> RenderableType:
    """Neighbours with what they share."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column()
    for item in items:
        grid.add_row(f"{item.similarity:.2f}", Text(item.title, style="bold"))
        if item.shared:
            grid.add_row("", Text("both: " + ", ".join(item.shared), style="dim"))
    return grid


def _bar(interest: Interest, strongest: float, width: int = 14) -> Text:
    filled = round(width * abs(interest.strength) / strongest)
    style = "red" if interest.strength < 0 else COLOURS[interest.trend]
    return Text("█" * filled, style=style) + Text("░" * (width - filled), style="dim")
