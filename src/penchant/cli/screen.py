"""What commands print: progress bars on a terminal, plain lines elsewhere, JSON for machines."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console

from penchant.errors import PenchantError
from penchant.progress import SILENT, Advance
from penchant.progress import Progress as Reporter

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def fail(error: PenchantError) -> None:
    """Print an error to stderr in one or two lines."""
    print(f"error: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)


def as_json(value: Any, *, line: bool = False) -> str:
    """Records or plain values as one JSON document, or as one line."""
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, option=options if line else options | orjson.OPT_INDENT_2).decode() + "\n"


def reporter(*, quiet: bool = False) -> Reporter:
    """A rich bar where stderr is a terminal, plain lines otherwise.

    Nothing where `quiet`, or where the environment variable PENCHANT_PROGRESS is ``off``.
    """
    if quiet or os.environ.get("PENCHANT_PROGRESS") == "off":
        return SILENT
    if not err.is_terminal:
        return LineReporter()
    from penchant.cli.bars import RichReporter  # rich's bars take longer to import than help may

    return RichReporter(err)


class LineReporter(Reporter):
    """A line when a task ends, and one every ten seconds in between."""

    every_seconds = 10.0

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Lines that start with `name`."""
        start = last = time.monotonic()
        done, latest = 0, ""

        def advance(n: int = 1, status: str = "") -> None:
            nonlocal done, last, latest
            done, latest = done + n, status or latest
            if time.monotonic() - last >= self.every_seconds:
                last = time.monotonic()
                print(f"{name}: {done}{f'/{total}' if total else ''} {latest}".rstrip(), file=sys.stderr, flush=True)

        yield advance
        seconds = time.monotonic() - start
        print(f"{name}: {done} in {seconds:.1f} s {latest}".rstrip(), file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        """A plain line."""
        print(text, file=sys.stderr, flush=True)
