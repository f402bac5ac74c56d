"""`penchant explain`, `concepts`, `replay` and `plots`: a bundle read in depth."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, printed
from penchant.cli.use import Bundle, User

Level = Literal["broad", "fine"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("explain")(explain)
    app.command("concepts")(concepts)
    app.command("replay")(replay)
    app.command("plots")(plots)


def explain(
    bundle: Bundle,
    user: User,
    item: Annotated[str, typer.Option("--item", help="The item's id.")],
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the score as a waterfall: .png, .svg or .pdf.")
    ] = None,
    json_file: Json = None,
) -> None:
    """Say why an item has its score and rank for a user, what it would have without each reason, and what led to it."""
    from penchant.cli.reading_views import explanation_view
    from penchant.pipeline.interest_model import load

    if plot is not None:
        from penchant.plots.files import check_target

        check_target(plot)
    explanation = load(bundle).explain(user, item)
    if plot is not None:
        from penchant.plots.explanation import draw_score

        draw_score(explanation, plot)
    if not printed(explanation, json_file):
        screen.out.print(explanation_view(explanation))


def concepts(
    bundle: Bundle,
    user: Annotated[str | None, typer.Option("--user", help="Show this user's interests in concepts.")] = None,
    level: Annotated[
        Level | None,
        typer.Option(help="broad: nothing above it; fine: nothing below it. With --user: a list for each."),
    ] = None,
    search: Annotated[str, typer.Option(metavar="WORDS", help="Only names that hold these words.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 40,
    json_file: Json = None,
) -> None:
    """List the concepts of a catalogue, or a user's interests as a vector of them."""
    from penchant.cli.reading_views import concepts_view, lists_view, vector_view
    from penchant.errors import ConfigError
    from penchant.pipeline.interest_model import load

    if user is not None and search:
        raise ConfigError("--search and --user were given together.", hint="Give one of them.")
    model = load(bundle)
    if user is None:
        found = model.concepts(search, level=level, limit=limit)
        if not printed({"query": search, "concepts": found}, json_file):
            screen.out.print(concepts_view(found))
        return
    vector = model.concept_vector(user, level=level)
    lists = model.concept_lists(user, level=level) if level is not None else ()
    if not printed({"vector": vector, "lists": lists}, json_file):
        screen.out.print(vector_view(vector, limit=limit))
        if lists:
            screen.out.print(lists_view(lists))


def replay(
    bundle: Bundle,
    user: User,
    every: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Read after every N events; all, where there are few.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many concepts.")] = 8,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write the timeline: .svg, .png, .pdf or .json.")
    ] = None,
    json_file: Json = None,
) -> None:
    """Show how a user's interests came and went: the profile after each of his events."""
    from penchant.cli.reading_views import replay_view
    from penchant.pipeline.interest_model import load

    drawn = to is not None and to.suffix.lower() != ".json"
    if to is not None:
        from penchant.cli.delivery import check_places

        check_places(to)
    if drawn and to is not None:
        from penchant.plots.files import check_target

        check_target(to)
    told = load(bundle).replay(user, every=every, limit=limit)
    if to is not None and drawn:
        from penchant.plots.replay import draw_replay

        draw_replay(told, to)
    elif to is not None:
        from penchant.artifacts import write_json

        write_json(to, told)
    if not printed(told, json_file):
        screen.out.print(replay_view(told))


def plots(
    bundle: Bundle,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A folder for the pictures.")],
    user: Annotated[
        str | None, typer.Option("--user", help="Whose attention is drawn; the most active user's, by default.")
    ] = None,
    form: Annotated[Literal["svg", "png", "pdf"], typer.Option("--format", help="Of the files.")] = "svg",
) -> None:
    """Draw what a model learned: items by their vectors, a user's attention, the curves of its training."""
    from penchant.pipeline.interest_model import load
    from penchant.plots.files import check_target
    from penchant.plots.model import draw_model

    check_target(to / f"items.{form}")
    for told in draw_model(load(bundle), bundle, to, user_id=user, form=form):
        screen.out.print(told)
