"""`penchant log`: what a server decided and what came of it, as a file that other programs read."""

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli import screen
from penchant.cli.use import Json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("log")(log)


def log(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The file of stores of a server (`serve --store`).")],
    to: Annotated[Path, typer.Option("--to", help="A JSON lines file to write.")],
    as_json: Json = False,
) -> None:
    """Write decisions and events of a store as JSON lines, which `penchant ope` and `penchant abtest` read."""
    from penchant.errors import StoreError
    from penchant.feedback import open_stores
    from penchant.feedback.decisions import write_log
    from penchant.records import Event

    if not store.is_file():
        raise StoreError(f"There is no store {store}.", hint="Give the file that `penchant serve --store` keeps.")
    with open_stores(str(store)) as stores:
        counts = stores.counts()
        events = (logged.entry for logged in stores.log() if isinstance(logged.entry, Event))
        lines = write_log(to, stores.decisions(), events)
    told = {"file": str(to), "decisions": lines - counts["events"], "events": counts["events"]}
    if as_json:
        screen.print_json(told)
    else:
        screen.out.print(f"{told['decisions']:,} decisions and {told['events']:,} events are in {to}")
