"""`penchant drift`: whether what a user takes has changed, or what all users take."""

from typing import Annotated

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, printed
from penchant.cli.use import Bundle


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("drift")(drift)


def drift(
    bundle: Bundle,
    user: Annotated[str | None, typer.Option("--user", help="A user's id; without, the population is told.")] = None,
    as_of: Annotated[
        int | None, typer.Option(help="Read a user's drift as it was: after so many events, or at a UTC microsecond.")
    ] = None,
    json_file: Json = None,
) -> None:
    """Tell what changed, and when: a user's interests that came, came back, grew or went, or shares of all events."""
    from penchant.cli.drift_views import population_view, user_view
    from penchant.pipeline.interest_model import load

    model = load(bundle)
    if user is None:
        population = model.population_drift()
        if not printed(population, json_file):
            screen.out.print(population_view(population))
    else:
        history = model.drift(user, as_of=as_of)
        if not printed(history, json_file):
            screen.out.print(user_view(history))
