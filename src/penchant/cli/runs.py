"""`penchant runs`: what was fitted, fine-tuned and searched, and how two of them differ."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, printed

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.training.run_records import Difference, RunRecord

DIFFERENT = 1
"""Exit code of `penchant runs diff` where two runs differ in what they were told or learned from."""
RESULTS = ("metrics", "costs")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    runs = typer.Typer(help="What was fitted, fine-tuned and searched, and how two of them differ.")
    runs.command("list")(list_)
    runs.command("diff")(diff)
    app.add_typer(runs, name="runs")


def list_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where bundles, encoders, searches and logs are.")],
    json_file: Json = None,
) -> None:
    """List the runs at and below a folder: what each is, what it learned from, how good it is, how long it took."""
    from penchant.training.run_records import runs_below

    found, faults = runs_below(folder)
    if printed({"runs": found, "unreadable": faults}, json_file):
        return
    screen.out.print(_listed(found, folder) if found else f"No runs at or below {folder}.", soft_wrap=True)
    for fault in faults:
        screen.err.print(f"[yellow]{fault}[/yellow]")


def diff(
    first: Annotated[
        Path, typer.Argument(metavar="A", help="A bundle, an encoder, a search's folder or a .jsonl log.")
    ],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    json_file: Json = None,
) -> None:
    """Tell how two runs differ: settings, data, base model, metrics, costs.

    Exit code 0 where they were told the same and learned from the same, 1 where not; other metrics and costs alone
    leave it 0.
    """
    from penchant.training.run_records import read_run, run_differences

    one, other = read_run(first), read_run(second)
    found = run_differences(one, other)
    different = any(difference.part not in RESULTS for difference in found)
    about = [{"name": run.name, "path": run.path, "kind": run.kind, "made": run.made} for run in (one, other)]
    if not printed({"runs": about, "same": not different, "differences": found}, json_file):
        same = "The two were told the same, learned from the same and came to the same."
        screen.out.print(_differing(found, first, second) if found else same)
    raise typer.Exit(DIFFERENT if different else 0)


def _listed(runs: "tuple[RunRecord, ...]", folder: Path) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("Run", "Kind", "Made", "Data"):
        table.add_column(heading, overflow="fold")
    table.add_column("Best")
    table.add_column("s", justify="right")
    for run in runs:
        path = Path(run.path)
        place = str(path.relative_to(folder)) if path.is_relative_to(folder) and path != folder else run.name
        seconds = run.costs.get("seconds")
        took = f"{seconds:,.1f}" if isinstance(seconds, int | float) else ""
        table.add_row(place, run.kind, run.made[:16], str(run.data.get("name", "")), _best(run), took)
    return table


def _best(run: "RunRecord") -> str:
    """The first of its metrics that is a number between settings of its own, such as ``ndcg@10 0.0561``."""
    for name, value in run.metrics.items():
        if isinstance(value, float):
            return f"{name} {value:.4f}"
    return ""


def _differing(found: "tuple[Difference, ...]", first: Path, second: Path) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("", "", str(first), str(second)):
        table.add_column(heading, overflow="fold")
    last = ""
    for one in found:
        table.add_row("" if one.part == last else one.part, one.name, _shown(one.first), _shown(one.second))
        last = one.part
    return table


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
