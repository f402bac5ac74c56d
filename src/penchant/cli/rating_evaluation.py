"""`penchant evaluate --task ratings`: models that predict ratings side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.cli import screen
from penchant.cli.delivery import printed
from penchant.cli.interruption import resumable
from penchant.cli.options import names
from penchant.errors import ConfigError

if TYPE_CHECKING:
    from penchant.data.dataset import Dataset
    from penchant.data.splitting import Protocol, SplitConfig

RATED = "rating_means,rating_knn,bayesian_mf"
TASKS = ("ranking", "ratings")


def check_task(task: str, unread: Sequence[str]) -> None:
    """`ConfigError` for a task that does not exist, or options that it does not read."""
    if task not in TASKS:
        raise ConfigError(f"No task is called {task!r}.", hint=f"There are: {', '.join(TASKS)}.")
    if unread:
        raise ConfigError(
            f"--task {task} does not read {', '.join(unread)}.", hint="Leave it out, or evaluate the ranking."
        )


def compare_ratings(
    dataset: "Dataset",
    models: str | None,
    *,
    protocol: "Protocol",
    seeds: Sequence[int],
    split_config: "SplitConfig",
    settings: Mapping[str, Mapping[str, Any]],
    without_steps: bool,
    json_file: Path | None,
    resume: bool | None,
    checkpoints: Path | None,
    log: Path | None,
    device: str,
) -> None:
    """Evaluate, and show or write what was found."""
    from penchant.cli.rating_tables import show_rating_evaluation
    from penchant.evaluation.evaluating import work_of
    from penchant.evaluation.feature_ablation import without_each_step
    from penchant.evaluation.rating_evaluation import evaluate_ratings
    from penchant.pipeline.encoding import cached_states

    rows = names(models if models is not None else RATED)
    if without_steps:
        rows, settings = without_each_step(rows, settings)
    progress = screen.reporter()
    work = work_of(
        dataset, rows, protocol=protocol, split_config=split_config, seeds=seeds, settings=settings, encoder=None
    )
    kept = checkpoints or cached_states({**work, "task": "ratings"}, progress=progress)
    with resumable(kept):
        result = evaluate_ratings(
            dataset,
            rows,
            protocol=protocol,
            seeds=seeds,
            split_config=split_config,
            settings=settings,
            checkpoints=kept,
            resume=resume,
            run_log=log,
            device=device,
            progress=progress,
        )
    if not printed(result, json_file):
        show_rating_evaluation(result, screen.out)
