"""`penchant finetune`: an encoder whose vectors follow what users do."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed
from penchant.cli.interruption import Checkpoints, Resume, RunLog, Track
from penchant.cli.training import Device, Seed, tell_stopped, trained

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
    seed: Seed = 0,
    device: Device = "auto",
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

    check_place(to, name=ADAPTATION)
    checked = FineTuningConfig.of(
        _settings(read_toml(config) if config else {}, start, method), where=str(config or "settings")
    )
    dataset = Dataset.load(data)
    with trained(
        "finetune",
        to,
        seed=seed,
        device=device,
        checkpoints=checkpoints,
        resume=resume,
        log=log,
        track=track,
        quiet=json_file == STANDARD_OUTPUT,
    ) as options:
        report = finetune_encoder(dataset, to, checked, options=options)
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
        tell_stopped(done["stopped"], f"the {name}")


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
