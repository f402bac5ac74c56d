"""`penchant ask`: the few questions that tell most about a user."""

from typing import Annotated

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, printed
from penchant.cli.use import Bundle


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ask")(ask)


def ask(
    bundle: Bundle,
    user: Annotated[str, typer.Option("--user", help="A user's id, known or not.")] = "new user",
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many questions.")] = 3,
    json_file: Json = None,
) -> None:
    """Find the few questions that tell most about a user; an answer is an edit, more for yes and less for no."""
    from penchant.pipeline.interest_model import load

    model = load(bundle)
    found = model.questions(user, n)
    if printed(found, json_file):
        return
    if not found.questions:
        screen.out.print(f"There is nothing to ask {user}: no concept parts the population, or all are answered.")
    for place, one in enumerate(found.questions, start=1):
        titles = ", ".join(model.item(item_id).title for item_id in one.examples)
        screen.out.print(
            f"{place}. [bold]{one.text}[/bold]  {one.chance:.0%} of those like him do"
            f"{f'; such as {titles}' if titles else ''}  ({one.concept_id})"
        )
