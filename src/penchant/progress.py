"""Progress is handed in: silent in library use; `penchant.cli` shows bars on a terminal and plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Reports `n` further steps of a task and, beside the bar, its latest figures (such as ``loss 0.31``)."""

    def __call__(self, n: int = 1, status: str = "") -> None:
        """Report `n` steps."""


class Progress:
    """Reports nothing. Subclasses show tasks and notes to a person."""

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[Advance]:  # noqa: ARG002
        """A named task of `total` steps (None: unknown)."""
        yield _silence

    def note(self, text: str) -> None:
        """A line of its own, such as the result of an epoch."""


def _silence(n: int = 1, status: str = "") -> None:
    del n, status


SILENT = Progress()
