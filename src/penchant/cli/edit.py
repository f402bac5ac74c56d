"""`penchant edit`: a user's own word on his interests, and what it moves."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed
from penchant.cli.use import Bundle, User
from penchant.errors import ConfigError
from penchant.records import Edit, EditAction

if TYPE_CHECKING:
    from penchant.pipeline.interest_model import InterestModel

CONCEPT = "A concept's id or name."
EVERYTHING, LAST = "all", "last"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("edit")(edit)


def edit(
    bundle: Bundle,
    user: User,
    more: Annotated[str | None, typer.Option(metavar="CONCEPT", help=f"More of it. {CONCEPT}")] = None,
    less: Annotated[str | None, typer.Option(metavar="CONCEPT", help="Less of it.")] = None,
    pin: Annotated[str | None, typer.Option(metavar="CONCEPT", help="Keep it, whatever comes.")] = None,
    mute: Annotated[str | None, typer.Option(metavar="CONCEPT", help="None of it.")] = None,
    add: Annotated[str | None, typer.Option(metavar="WORDS", help="An interest as one would type it.")] = None,
    forget: Annotated[str | None, typer.Option(metavar="EVENT", help="As if this event had never been.")] = None,
    reset: Annotated[
        str | None, typer.Option(metavar="CONCEPT", help="Take back what was said of it; all: forget everything.")
    ] = None,
    undo: Annotated[str | None, typer.Option(metavar="EDIT", help="Take this edit back; last: the last one.")] = None,
    history: Annotated[bool, typer.Option("--log", help="List the user's edits instead, newest first.")] = False,
    store: Annotated[
        str | None,
        typer.Option(help="Keep it there, where `penchant serve --store` will find it: sqlite:///PATH or a path."),
    ] = None,
    json_file: Json = None,
) -> None:
    """Change what is known of a user by his own word, and see which items move.

    Without --store nothing is kept: it shows what the edit would do. A server that runs on the same store takes the
    edit when it starts again.
    """
    from penchant.cli.edit_views import log_view, result_view
    from penchant.feedback import open_stores
    from penchant.pipeline.interest_model import load
    from penchant.serving.live import LiveModel

    given = {"more": more, "less": less, "pin": pin, "mute": mute, "add": add, "forget": forget}
    given |= {"reset": reset, "undo": undo}
    said = {action: value for action, value in given.items() if value is not None}
    if len(said) + history != 1:
        raise ConfigError(
            f"{len(said) + history} edits came; one at a time.",
            hint=f"Give one of {', '.join(f'--{action}' for action in given)} or --log.",
        )
    model = load(bundle)
    if store is None:
        if history:
            raise ConfigError("Without a store there are no edits to list.", hint="Name it with --store.")
        result = model.change(model.complete(_edit(model, user, *said.popitem())))
    else:
        with open_stores(store) as stores:
            live = LiveModel(model, stores)
            live.replay(progress=screen.reporter(quiet=json_file == STANDARD_OUTPUT))
            if history:
                entries = live.edits(user, limit=500)
                if not printed({"user_id": user, "edits": entries}, json_file):
                    screen.out.print(log_view(entries))
                return
            result = live.edit(_edit(model, user, *said.popitem()))
    if not printed(result, json_file):
        screen.out.print(result_view(result, kept=store is not None))


def _edit(model: "InterestModel", user: str, action: str, value: str) -> Edit:
    edit = Edit(edit_id="", user_id=user, action=cast("EditAction", action))
    if action == "add":
        return replace(edit, text=value)
    if action == "forget":
        return replace(edit, event_id=value)
    if action == "undo":
        return edit if value == LAST else replace(edit, undoes=value)
    if action == "reset" and value == EVERYTHING:
        return edit
    return replace(edit, concept_id=_concept_id(model, value))


def _concept_id(model: "InterestModel", said: str) -> str:
    """The id of a concept that was given by id, or by a name that one concept alone has."""
    concepts = model.fitted.vocabulary.concepts
    if any(concept.id == said for concept in concepts):
        return said
    named = [concept.id for concept in concepts if concept.name.casefold() == said.strip().casefold()]
    if len(named) > 1:
        raise ConfigError(f"{len(named)} concepts are called {said!r}.", hint=f"Give an id: {', '.join(named)}.")
    return named[0] if named else said
