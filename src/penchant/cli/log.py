"""`penchant log`: what a server decided and what came of it, as a file that other programs read."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, check_places, printed
from penchant.errors import ConfigError

_Entry = TypeVar("_Entry")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("log")(log)


def log(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The file of stores of a server (`serve --store`).")],
    to: Annotated[Path, typer.Option("--to", help="A JSON lines file to write.")],
    json_file: Json = None,
) -> None:
    """Write decisions and events of a store as JSON lines, which `penchant ope` and `penchant abtest` read.

    What users have forgotten, or did before they began anew, is left out.
    """
    from penchant.errors import StoreError
    from penchant.feedback import open_stores
    from penchant.feedback.decisions import write_log
    from penchant.feedback.forgetting import unforgotten

    if not store.is_file():
        raise StoreError(f"There is no store {store}.", hint="Give the file that `penchant serve --store` keeps.")
    # A store has files beside it, named after it, that hold what it has not taken in yet.
    if to.resolve() in {store.resolve().with_name(store.name + beside) for beside in ("", "-wal", "-shm")}:
        raise ConfigError(f"{to} is of the store itself, which must not be written over.", hint="Give another file.")
    check_places(to)
    written = Counter[str]()

    def counted(kind: str, entries: Iterable[_Entry]) -> Iterator[_Entry]:
        for entry in entries:
            written[kind] += 1
            yield entry

    with open_stores(str(store)) as stores:
        decisions, events = unforgotten(stores)
        try:
            write_log(to, counted("decisions", decisions), counted("events", events))
        except OSError as error:
            raise ConfigError(f"{to} cannot be written: {error.strerror}.", hint="Choose another place.") from None
    told = {"file": str(to), "decisions": written["decisions"], "events": written["events"]}
    if not printed(told, json_file):
        screen.out.print(f"{told['decisions']:,} decisions and {told['events']:,} events are in {to}")
