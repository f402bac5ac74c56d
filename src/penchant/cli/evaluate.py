"""`penchant evaluate`: models side by side on one protocol."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, check_places, printed
from penchant.cli.interruption import Checkpoints, Resume, RunLog, resumable
from penchant.cli.options import EncoderName, names, shares, whole_numbers
from penchant.cli.training import Device

if TYPE_CHECKING:
    from penchant.data.dataset import Dataset
    from penchant.data.splitting import Protocol, SplitConfig

RANKED = "popularity,item_knn,interest"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder made by `penchant import`.")],
    models: Annotated[
        str | None,
        typer.Option(help="Names, with commas between them.", show_default="popularity,item_knn,interest"),
    ] = None,
    task: Annotated[
        str, typer.Option(help="ranking: what comes next, among all items; ratings: what was said of each test item.")
    ] = "ranking",
    protocol: Annotated[
        str, typer.Option(help="leave-one-out, temporal, k-fold, k-fold-users, k-fold-time, cold-items or cold-users.")
    ] = "leave-one-out",
    k: Annotated[str, typer.Option("--k", help="List lengths.")] = "5,10",
    exclude_history: Annotated[
        bool | None,
        typer.Option(
            "--exclude-history/--no-exclude-history",
            help="Take a user's history out of the ranking, or leave it in. Neither: both, from the same scores.",
        ),
    ] = None,
    sample_users: Annotated[int | None, typer.Option(help="Ask a seeded sample of the test users.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of the fits, such as 0,1,2.")] = "0",
    encoder: EncoderName = None,
    text: Annotated[bool, typer.Option("--text/--no-text", help="Whether models may read the items' texts.")] = True,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="Settings: one table a model, and [protocol] for the split."),
    ] = None,
    split_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Cold items and users: read from here, or written here for others to use."),
    ] = None,
    learning_curve: Annotated[
        str, typer.Option(metavar="SHARES", help="Fit on these shares of the records too, such as 0.25,0.5,1.")
    ] = "",
    lists_to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write every list, and the truth, as JSON lines.")
    ] = None,
    json_file: Json = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a report for a browser.")] = None,
    stability: Annotated[
        bool, typer.Option("--stability", help="Also how much of a list was there one event earlier.")
    ] = False,
    resume: Resume = None,
    checkpoints: Checkpoints = None,
    log: RunLog = None,
    device: Device = "auto",
    without_steps: Annotated[
        bool,
        typer.Option("--without-steps", help="Also each model without each step of its features: what each is worth."),
    ] = False,
) -> None:
    """Compare models on one split: the whole catalogue is ranked for every test case, with intervals and tests.

    With --task ratings models predict the ratings of the test items instead: RMSE, MSE and MAE in the data's own unit,
    and precision, recall and F1 of each rating.

    Stopped by Ctrl-C, by a kill or by the power, the same command with --resume goes on: what was trained is kept, in
    Penchant's cache or in --checkpoints, until the evaluation has ended.
    """
    from penchant import evaluation
    from penchant.cli.metric_tables import show_evaluation
    from penchant.cli.rating_evaluation import check_task, compare_ratings
    from penchant.config import read_toml
    from penchant.data.dataset import Dataset
    from penchant.evaluation.evaluating import work_of
    from penchant.evaluation.feature_ablation import without_each_step
    from penchant.evaluation.report import write_report
    from penchant.evaluation.rows import Row
    from penchant.models.catalogue import RECOMMENDERS
    from penchant.pipeline.encoding import cached_encoder, cached_states
    from penchant.training.devices import chosen_device

    chosen_device(device)  # before anything is read
    check_places(report, split_file)
    progress = screen.reporter()
    settings = read_toml(config) if config else {}
    if task != "ranking":
        unread: dict[str, object] = {
            "--report": report,
            "--lists-to": lists_to,
            "--learning-curve": learning_curve,
        }
        unread |= {"--sample-users": sample_users, "--exclude-history": exclude_history, "--encoder": encoder}
        unread |= {"--stability": stability or None}
        check_task(task, [name for name, value in unread.items() if value not in {None, ""}])
        dataset = Dataset.load(data)
        compare_ratings(
            dataset,
            models,
            protocol=cast("Protocol", protocol),
            seeds=whole_numbers(seeds, "--seeds"),
            split_config=_split_config(dataset, settings.pop("protocol", {}), split_file),
            settings=settings,
            without_steps=without_steps,
            json_file=json_file,
            resume=resume,
            checkpoints=checkpoints,
            log=log,
            device=device,
        )
        return
    wanted = names(models if models is not None else RANKED)
    if without_steps:
        wanted, settings = without_each_step(wanted, settings)
    dataset = Dataset.load(data)
    rows = [Row.of(name, settings.get(name)) for name in wanted]
    reads = text and (encoder is not None or any(RECOMMENDERS[row.model].cls.reads_text for row in rows))
    split_config = _split_config(dataset, settings.pop("protocol", {}), split_file)
    reader = cached_encoder(encoder, dataset.items, device=device) if reads else None
    fit_seeds = whole_numbers(seeds, "--seeds")
    kept = checkpoints or cached_states(
        work_of(
            dataset,
            wanted,
            protocol=cast("Protocol", protocol),
            split_config=split_config,
            seeds=fit_seeds,
            settings=settings,
            encoder=reader,
        ),
        progress=progress,
    )
    with resumable(kept):
        result = evaluation.evaluate(
            dataset,
            wanted,
            protocol=cast("Protocol", protocol),
            ks=whole_numbers(k, "--k"),
            exclude_history=exclude_history,
            sample_users=sample_users,
            seeds=fit_seeds,
            split_config=split_config,
            settings=settings,
            encoder=reader,
            curve_shares=shares(learning_curve, "--learning-curve"),
            lists_to=lists_to,
            checkpoints=kept,
            resume=resume,
            run_log=log,
            device=device,
            stability=stability,
            progress=progress,
        )
    if not printed(result, json_file):
        show_evaluation(result, screen.out)
    if report is not None:
        write_report(result, report)
    for name, place in (("lists", lists_to), ("report", report)):
        if place is not None:
            screen.err.print(f"[dim]{name}: {place}[/dim]")


def _split_config(dataset: "Dataset", settings: Mapping[str, Any], split_file: Path | None) -> "SplitConfig":
    from penchant.data.splitting import HeldOut, SplitConfig

    config = SplitConfig.of(settings, where="protocol")
    if split_file is None:
        return config
    if not split_file.exists():
        HeldOut.choose(dataset, share=config.cold_share, seed=config.seed).save(split_file)
    return SplitConfig.of({**settings, "held_out": HeldOut.load(split_file)}, where="protocol")
