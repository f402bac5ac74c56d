"""Progress is handed in: silent in library use, a rich bar on a terminal, plain lines elsewhere (see `penchant.cli`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Reports `n` further steps of a task and, beside the bar, its latest figures (such as ``loss 0.31``)."""

    def __call__(self, n: int = 1, status: str = "") -> None: ...


class Progress:
    """Reports nothing. Subclasses show tasks and notes to a person."""

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """A named task of `total` steps (None: unknown)."""

        def advance(n: int = 1, status: str = "") -> None:
            return None

        yield advance

    def note(self, text: str) -> None:
        """A line of its own, such as the result of an epoch."""


SILENT = Progress()
