"""`penchant finetune`: an encoder whose vectors follow what users do."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed
from penchant.cli.interruption import Checkpoints, Resume, RunLog, Track, followed, resumable

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.pipeline.finetuning import FineTuningReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("finetune")(finetune)


def finetune(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder made by `penchant import`.")],
    to: Annotated[Path, typer.Option("--to", metavar="ENCODER", help="Folder to write the encoder to.")],
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Settings; see docs/language-models/fine-tuning.md.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="PATH", help="What to fine-tune: a Hugging Face folder or id; by default the MiniLM."
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="full, top_layers, lora, adalora, adapter, ia3, prefix_tuning, prompt_tuning, p_tuning or head_only.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    resume: Resume = None,
    checkpoints: Checkpoints = None,
    log: RunLog = None,
    track: Track = "",
    json_file: Json = None,
) -> None:
    """Fine-tune a language model on what users took after what, for --encoder of the other commands.

    Texts of items that follow one another come near each other. Learns as far as the evaluation by leave-one-out learns
    (`protocol` in the settings). While it trains, its state is in ENCODER.checkpoints.
    """
    from penchant.artifacts import check_place
    from penchant.config import read_toml
    from penchant.data.dataset import Dataset
    from penchant.encoders.checkpoint import ADAPTATION
    from penchant.pipeline.finetuning import FineTuningConfig, finetune_encoder
    from penchant.training.folders import states_of

    check_place(to, name=ADAPTATION)
    progress, trackers = screen.reporter(quiet=json_file == STANDARD_OUTPUT), followed(track, to)
    checked = FineTuningConfig.of(
        _settings(read_toml(config) if config else {}, start, method), where=str(config or "settings")
    )
    dataset = Dataset.load(data)
    kept = checkpoints or to.with_name(f"{to.name}.checkpoints")
    with resumable(kept), states_of({"work": "finetune"}, kept, resume=resume, progress=progress):
        report = finetune_encoder(
            dataset,
            to,
            checked,
            seed=seed,
            checkpoints=kept,
            resume=resume,
            run_log=log,
            trackers=trackers,
            progress=progress,
        )
    if printed(report, json_file):
        return
    screen.out.print(_table(report))
    seconds = sum(one["seconds"] for one in report.trainings.values())
    screen.out.print(
        f"[bold]{report.encoder}[/bold]: {report.trained:,} of {report.total:,} weights trained ({seconds:,.0f} s). "
        f"Next: penchant fit {data} --to BUNDLE --encoder {to}",
        soft_wrap=True,
    )
    for name, done in report.trainings.items():
        if done["best_epoch"] == 0:
            screen.err.print(f"[yellow]No epoch of the {name} was better than what it began with.[/yellow]")
        if done["stopped"] == "diverged":
            screen.err.print(f"[yellow]The training of the {name} diverged; its best weights before stay.[/yellow]")


def _settings(read: dict[str, Any], start: str | None, method: str | None) -> dict[str, Any]:
    """The file's settings with what the options say in their place."""
    encoder = read.get("encoder") or {}
    if not isinstance(encoder, dict):
        return read  # refused where settings are checked
    encoder = dict(encoder)
    if start is not None:
        encoder["path"] = start
    if method is not None:
        told = encoder.get("method")
        known = told if isinstance(told, dict) and told.get("name") == method else {}
        encoder["method"] = {**known, "name": method}
    return {**read, "encoder": encoder} if encoder else dict(read)


def _table(report: "FineTuningReport") -> "Table":
    """A row for each kind of item: before and after."""
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD,
        title="NDCG@10 of items put in order by their texts, on validation",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("Items", no_wrap=True)
    for heading in ("Before", "After", "Change"):
        table.add_column(heading, justify="right")
    for kind, before in report.before.items():
        after = report.after[kind]
        change = f"{after / before - 1:+.1%}" if before else ""
        style = "bold green" if after > before else ""
        table.add_row(kind, f"{before:.4f}", f"{after:.4f}", change, style=style)
    return table
