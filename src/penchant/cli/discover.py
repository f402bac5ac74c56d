"""`penchant discover`: interests that a user is not known to have and that are worth a try."""

from typing import Annotated

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, printed
from penchant.cli.use import Bundle, User


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("discover")(discover)


def discover(
    bundle: Bundle,
    user: User,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many interests.")] = 5,
    json_file: Json = None,
) -> None:
    """Find interests that a user is not known to have and that are worth a try, with why and with items to try."""
    from penchant.cli.views import discoveries_view
    from penchant.pipeline.interest_model import load

    model = load(bundle)
    found = model.discover(user, limit)
    if printed(found, json_file):
        return
    shown = {item_id for interest in found.interests for item_id in interest.items[:3]}
    screen.out.print(discoveries_view(found, titles={item_id: model.item(item_id).title for item_id in shown}))
