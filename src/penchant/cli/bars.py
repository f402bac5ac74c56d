"""Progress bars on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from penchant.progress import Advance
from penchant.progress import Progress as Reporter


class RichReporter(Reporter):
    """Bars with figures beside them."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """A bar named `name`."""
        columns = (
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}"),
        )
        with Progress(*columns, console=self._console) as bars:
            bar, latest = bars.add_task(name, total=total, status=""), ""

            def advance(n: int = 1, status: str = "") -> None:
                nonlocal latest
                latest = status or latest
                bars.update(bar, advance=n, status=latest)

            yield advance

    def note(self, text: str) -> None:
        """A dim line above the bars."""
        self._console.print(f"[dim]{text}[/dim]")
