"""`penchant tune`: settings chosen on validation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from penchant.cli import screen
from penchant.cli.delivery import STANDARD_OUTPUT, Json, printed
from penchant.cli.interruption import Resume, RunLog, Track, followed, resumable

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.data.splitting import Protocol
    from penchant.evaluation.tuning import CrossValidation, TuningResult


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tune")(tune)


def tune(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder made by `penchant import`.")],
    space: Annotated[
        Path,
        typer.Option(
            metavar="FILE.toml",
            help="What to search: the model's settings, those to draw as NAME = { low = 0.4, high = 0.95 } or "
            "{ choices = [4, 8] }.",
        ),
    ],
    model: Annotated[str, typer.Option(help="The model to tune.")] = "interest",
    method: Annotated[
        str,
        typer.Option(
            help="How settings are chosen: random, grid (every point once), tpe or gp (by Optuna), or hyperopt."
        ),
    ] = "random",
    trials: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Settings to try; the first are the defaults.",
            show_default="20; of a grid, all points",
        ),
    ] = None,
    prune: Annotated[
        str | None,
        typer.Option(
            metavar="median|halving",
            help="Give up trials that do worse than others did at the same epoch or fold: below their median, or not "
            "among the best third (successive halving).",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Trials at a time, each in a process of its own with a share of the threads.")
    ] = 1,
    storage: Annotated[
        str | None,
        typer.Option(metavar="sqlite:///FILE", help="Keep the trials in an Optuna storage too, for optuna-dashboard."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Where the trials are kept; by default DIR.tuning/MODEL.")
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="leave-one-out or temporal: its test part is set aside, and no trial sees it.")
    ] = "leave-one-out",
    cross_validation: Annotated[
        str | None,
        typer.Option(metavar="users|time", help="Measure each trial on folds of the users, or on a rolling origin."),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, max=100, help="How many, with --cross-validation.")] = 5,
    metric: Annotated[str, typer.Option(help="What decides, such as ndcg@10 or recall@20.")] = "ndcg@10",
    exclude_history: Annotated[
        bool, typer.Option("--exclude-history/--no-exclude-history", help="Take a user's history out of the ranking.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws, the fits and the split.")] = 0,
    encoder: Annotated[
        str | None, typer.Option(metavar="PATH", help="A Hugging Face folder or id that reads the items' texts.")
    ] = None,
    text: Annotated[bool, typer.Option("--text/--no-text", help="Whether the model may read the items' texts.")] = True,
    resume: Resume = None,
    log: RunLog = None,
    track: Track = "",
    json_file: Json = None,
) -> None:
    """Try settings from a space and keep those that do best on validation.

    Every trial is kept: stopped, the same command with --resume goes on, also within a trial, and with a larger
    --trials it extends a search. The folder ends with evaluate.toml (and fit.toml) for --config of the other commands.
    """
    from penchant.config import read_toml
    from penchant.data.dataset import Dataset
    from penchant.data.splitting import SplitConfig
    from penchant.errors import ConfigError
    from penchant.evaluation import tuning
    from penchant.hyperparameter_search.reading import space_of
    from penchant.hyperparameter_search.study import STUDY
    from penchant.models.catalogue import RECOMMENDERS
    from penchant.pipeline.encoding import cached_encoder

    if cross_validation not in {None, "users", "time"}:
        raise ConfigError(
            f"--cross-validation takes users or time; {cross_validation!r} came.", hint="Or leave it out."
        )
    searched, fixed = space_of(read_toml(space), where=str(space))
    reads = text and (encoder is not None or RECOMMENDERS[model].cls.reads_text)
    folder = to or Path(f"{data}.tuning") / model
    dataset = Dataset.load(data)
    with resumable(folder, also=STUDY):
        result = tuning.tune(
            dataset,
            model,
            searched,
            folder=folder,
            trials=trials,
            method=method,
            pruning=prune,
            workers=workers,
            storage=storage,
            fixed=fixed,
            protocol=cast("Protocol", protocol),
            cross_validation=cast("CrossValidation | None", cross_validation),
            split_config=SplitConfig(seed=seed, folds=folds),
            metric=metric,
            exclude_history=exclude_history,
            seed=seed,
            encoder=cached_encoder(encoder, dataset.items) if reads else None,
            resume=resume,
            run_log=log,
            trackers=followed(track, folder),
            progress=screen.reporter(quiet=json_file == STANDARD_OUTPUT),
        )
    if printed(result, json_file):
        return
    screen.out.print(_table(result))
    use = f"penchant evaluate {data} --models {model} --config {folder / 'evaluate.toml'}"
    screen.out.print(f"The best settings, trial {result.best.number}: {use}", soft_wrap=True)
    if (folder / "fit.toml").exists():
        bundle = f"penchant fit {data} --to BUNDLE --config {folder / 'fit.toml'}"
        screen.out.print(f"Or learn with them: {bundle}", soft_wrap=True)


def _table(result: "TuningResult") -> "Table":
    """A row for each trial, the best first; a column for each setting that was searched."""
    from rich import box
    from rich.table import Table

    from penchant.metrics.names import title

    folds = result.protocol["folds"]
    over = f"mean ± deviation over {folds} folds" if folds > 1 else "on validation"
    table = Table(box=box.SIMPLE_HEAD, title=f"{result.model}: {title(result.protocol['metric'])} {over}")
    for heading in ("Trial", title(result.protocol["metric"]), "s", *result.space):
        table.add_column(heading, justify="right")
    for trial in sorted(result.trials, key=lambda one: (one.value is None, -(one.value or 0.0), one.number)):
        value = f"{trial.value:.4f}" if trial.value is not None else "given up" if trial.pruned else "failed"
        spread = f" ± {trial.spread:.4f}" if folds > 1 and trial.value is not None else ""
        settings = [_shown(trial.settings, key) for key in result.space]
        style = "bold green" if trial.number == result.best.number else ""
        table.add_row(str(trial.number), value + spread, f"{trial.seconds:,.1f}", *settings, style=style)
    return table


def _shown(settings: Any, key: str) -> str:
    for name in key.split("."):
        if name not in settings:
            return "default"
        settings = settings[name]
    return f"{settings:g}" if isinstance(settings, float) else str(settings)
