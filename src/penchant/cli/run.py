"""`penchant run`: the whole loop by one command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed
from penchant.cli.interruption import resumable

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.continual.lifecycle.running import RunReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Settings, a table a stage: configs/run.toml.")],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where all that the stages make is kept.")],
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the settings' own.")] = None,
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--no-resume",
            help="Go on at the first stage that is not done, or whose settings or inputs changed; or begin again. "
            "Neither: begin, but refuse where there is a run.",
        ),
    ] = None,
    json_file: Json = None,
) -> None:
    """Data → pretrain → finetune → profile → explore → rank → feedback → update → report, each reading the last.

    What users did later is kept aside. The model that has learned the rest serves slates, what they did later answers
    them, and the model learns from that. A table tells before and after.
    """
    from penchant.config import read_toml
    from penchant.continual.lifecycle.folder import MANIFEST
    from penchant.continual.lifecycle.running import run_loop
    from penchant.continual.lifecycle.settings import LifecycleConfig

    said = read_toml(config)
    settings = LifecycleConfig.of(said if seed is None else {**said, "seed": seed}, where=str(config))
    with resumable(to, also=MANIFEST):
        report = run_loop(settings, to, resume=resume, progress=screen.reporter(quiet=json_file == STANDARD_OUTPUT))
    if printed(report, json_file):
        return
    screen.out.print(_table(report))
    screen.out.print(_told(report), soft_wrap=True)


def _table(report: "RunReport") -> "Table":
    """A row for each figure: before and after."""
    from rich import box
    from rich.table import Table

    from penchant.continual.lifecycle.report import figure

    table = Table(box=box.SIMPLE_HEAD, title="Before and after", title_justify="left", title_style="bold")
    for heading in ("Stage", "What"):
        table.add_column(heading)
    for heading in ("Before", "After"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", style="dim")
    for row in report.rows:
        after = figure(row.after)
        table.add_row(
            row.stage, row.what, figure(row.before), f"[bold green]{after}[/]" if row.better else after, row.note
        )
    return table


def _told(report: "RunReport") -> str:
    from penchant.continual.lifecycle.report import verdict

    lines = [f"[bold]{report.folder}[/bold]: {len(report.done)} stages done"]
    lines[0] += f", {len(report.kept)} kept" if report.kept else ""
    lines[0] += f", skipped: {', '.join(report.skipped)}" if report.skipped else ""
    lines[0] += "."
    if "update" in report.stages:
        told = report.stages["update"]
        lines.append(f"{verdict(told)} Next: penchant serve {Path(report.folder) / told['stands']}")
    elif "profile" in report.stages:
        lines.append(f"Next: penchant serve {Path(report.folder) / '04-profile' / 'bundle'}")
    return "\n".join(lines)
