"""Results that go to files, to a machine or to a person."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from penchant.cli import screen
from penchant.errors import ConfigError

STANDARD_OUTPUT = Path("-")


def check_places(*files: Path | None) -> None:
    """Make the folders of files that will be written, before hours of work end in an error."""
    for file in files:
        if file is None or file == STANDARD_OUTPUT:
            continue
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{file} cannot be written: {error.strerror}.", hint="Choose another place.") from None
        if file.is_dir():
            raise ConfigError(f"{file} is a folder.", hint="Give the name of a file to write.")


def deliver(result: Any, json_file: Path | None, show: Callable[[], None]) -> None:
    """Show a result to a person and write it as JSON where a file was named; ``-`` prints the JSON instead."""
    if json_file == STANDARD_OUTPUT:
        screen.print_json(result)
        return
    show()
    if json_file is not None:
        try:
            from penchant.artifacts import write_json

            write_json(json_file, result)
        except OSError as error:
            raise ConfigError(
                f"{json_file} cannot be written: {error.strerror}.", hint="Choose another place."
            ) from None
