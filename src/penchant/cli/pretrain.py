"""`penchant pretrain`: an encoder that has read the catalogue's own texts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed
from penchant.cli.interruption import Checkpoints, Resume, RunLog, Track
from penchant.cli.training import Device, Seed, tell_stopped, trained

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.pipeline.pretraining import PretrainingReport

LOWER = ("loss", "perplexity", "alignment", "uniformity")
BASELINES = {"loss": "unigram_loss", "perplexity": "unigram_perplexity", "accuracy": "unigram_accuracy"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pretrain")(pretrain)


def pretrain(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder made by `penchant import`.")],
    to: Annotated[Path, typer.Option("--to", metavar="ENCODER", help="Folder to write the encoder to.")],
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Settings; see docs/language-models/pretraining.md.")
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,…",
            help="mlm, clm, next_sentence, next_item, simcse, item_item, user_item; by default mlm or clm, as the "
            "model reads.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PATH|scratch",
            help="What to train further: a Hugging Face folder or id, scratch for a new model, or hashed, tfidf or nmf "
            "for an encoder without a neural network; by default the embedded MiniLM.",
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
    """Train a language model on a dataset's own texts, for --encoder of the other commands.

    Learns from the texts of items and of users and, where an objective asks for it, from what users took after what, as
    far as the evaluation by leave-one-out learns from it. While it trains, its state is in ENCODER.checkpoints.
    """
    from penchant.artifacts import check_place
    from penchant.config import read_toml
    from penchant.data.dataset import Dataset
    from penchant.pipeline.pretraining import MANIFEST, PretrainingConfig, pretrain_encoder

    check_place(to, name=MANIFEST)  # before the training, not after
    settings = _settings(read_toml(config) if config else {}, objective, start)
    checked = PretrainingConfig.of(settings, where=str(config or "settings"))
    dataset = Dataset.load(data)
    with trained(
        "pretrain",
        to,
        seed=seed,
        device=device,
        checkpoints=checkpoints,
        resume=resume,
        log=log,
        track=track,
        quiet=json_file == STANDARD_OUTPUT,
    ) as options:
        report = pretrain_encoder(dataset, to, checked, options=options)
    if printed(report, json_file):
        return
    screen.out.print(_table(report))
    screen.out.print(f"{_told(report)} Next: penchant fit {data} --to BUNDLE --encoder {to}", soft_wrap=True)
    tell_stopped(report.training.get("stopped"), "the encoder")


def _settings(read: dict[str, Any], objective: str | None, start: str | None) -> dict[str, Any]:
    """The file's settings with what the options say in their place."""
    from penchant.cli.options import names

    settings = dict(read)
    if objective is not None:
        told = settings.get("objectives")
        known = told if isinstance(told, dict) else {}
        settings["objectives"] = {name: known.get(name, {}) for name in names(objective)}
    if start is not None:
        settings["start"] = start
    return settings


def _table(report: "PretrainingReport") -> "Table":
    """A row for each figure: before, after, and what it takes no model to reach."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title="On what was held out", title_justify="left", title_style="bold")
    table.add_column("Objective", no_wrap=True)
    table.add_column("Measure", no_wrap=True)
    for heading in ("Before", "After", "Without a model"):
        table.add_column(heading, justify="right", style="dim" if heading.startswith("W") else "")
    for one in report.objectives:
        for measure in (key for key in one["after"] if not key.startswith("unigram") and key not in _COUNTS):
            baseline = one["after"].get(BASELINES.get(measure, ""))
            if measure == "accuracy" and baseline is None:
                baseline = one["after"].get("chance")
            _row(table, one["name"], measure, one["before"].get(measure), one["after"][measure], baseline)
    before, after = report.retrieval["before"], report.retrieval["after"]
    for measure in ("recall@10", "mrr") if after else ():
        _row(table, "next item by text", measure, (before or {}).get(measure), (after or {})[measure], None)
    return table


_COUNTS = ("words", "pairs", "chance", "candidates")


def _row(table: "Table", name: str, measure: str, before: float | None, after: float, baseline: float | None) -> None:
    better = before is not None and ((after < before) if measure in LOWER else (after > before))
    figures = ["" if value is None else f"{value:,.4f}" for value in (before, after, baseline)]
    direction = " ↓" if measure in LOWER else " ↑"
    figures[1] = f"[bold green]{figures[1]}[/bold green]" if better else figures[1]
    table.add_row(name, measure.replace("_", " ") + direction, *figures)


def _told(report: "PretrainingReport") -> str:
    texts, training = report.texts, report.training
    told = f"[bold]{report.encoder}[/bold]: {texts['learned']:,} texts learned from, {texts['held_out']:,} held out."
    if not training:
        return told
    return (
        f"{told} {training['trained']:,} of {training['total']:,} weights trained in {training['epochs']} epochs "
        f"({training['seconds']:,.0f} s), the best after epoch {training['best_epoch']}."
    )
