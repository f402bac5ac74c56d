"""Results that go to files, to a machine or to a person.

`--json` is the same in all commands: alone, or with ``-``, it prints JSON in place of what a person reads; with a file
it writes JSON there besides.
"""

import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any, TypeAlias

import typer
from typer.core import TyperGroup

from penchant.cli import screen
from penchant.errors import ConfigError

STANDARD_OUTPUT = Path("-")


def check_places(*files: Path | None) -> None:
    """Make the folders of files that will be written, and see whether they can be, before hours of work end in vain.

    No file is made or changed.
    """
    for file in files:
        if file is None or file == STANDARD_OUTPUT:
            continue
        try:
            if file.is_dir():
                raise ConfigError(f"{file} is a folder.", hint="Give the name of a file to write.")
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.is_file():
                file.open("ab").close()
            elif not file.exists():  # what else there is, such as a pipe, may wait for its reader
                TemporaryFile(dir=file.resolve().parent).close()
        except OSError as error:
            raise ConfigError(f"{file} cannot be written: {error.strerror}.", hint="Choose another place.") from None


def checked_place(file: Path | None) -> Path | None:
    """The file of an option, as `check_places` leaves it."""
    check_places(file)
    return file


Json: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="[FILE.json]", callback=checked_place, help="Print JSON, or write it to a file besides."
    ),
]
"""Whether a result goes out as JSON, and where to; see `printed`."""


def printed(result: Any, json_file: Path | None) -> bool:
    """Hand a result over as JSON where that was asked for; True where it was printed, and no person is shown more."""
    if json_file == STANDARD_OUTPUT:
        sys.stdout.write(screen.as_json(result))
        return True
    if json_file is not None:
        try:
            json_file.write_text(screen.as_json(result), encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{json_file} cannot be written: {error.strerror}.", hint="Choose another place."
            ) from None
    return False


class Commands(TyperGroup):
    """The commands. A ``--json`` that no file follows means ``-``.

    What follows is a file where it is ``-`` or its name ends in .json: so ``--json`` may stand before an argument.
    ``--json=FILE`` takes any name.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The rest of the line, for the command it names."""
        return list(super().parse_args(ctx, with_places(args)))


def with_places(args: list[str]) -> list[str]:
    """The words of a command line, each ``--json`` with its place."""
    end = args.index("--") if "--" in args else len(args)
    made: list[str] = []
    for place, word in enumerate(args):
        made.append(word)
        if word == "--json" and place < end:
            after = args[place + 1] if place + 1 < end else ""
            if after != str(STANDARD_OUTPUT) and not after.lower().endswith(".json"):
                made.append(str(STANDARD_OUTPUT))
    return made
