"""What an evaluation of ratings found, for a terminal."""

from collections.abc import Sequence
from itertools import pairwise

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from penchant.evaluation.rating_results import RatingComparison, RatingEvaluation, RatingResult, RatingSummary

WIDE = 140
COMPARED = 6
"""Comparisons shown; the JSON has all."""


def show_rating_evaluation(result: RatingEvaluation, console: Console) -> None:
    """Print the tables; where the output is not a terminal they take the width they need."""
    if not console.is_terminal:
        console = Console(file=console.file, width=max(console.width, WIDE), highlight=False)
    console.print(rating_view(result))


def rating_view(result: RatingEvaluation) -> RenderableType:
    """What was asked, errors, the best model's report by class, and what to know before comparing."""
    facts, protocol = result.dataset, result.protocol
    low, high = facts["scale"]
    heading = f" · {protocol['name']} · {protocol['asked']:,} ratings asked · scale {low:g} to {high:g}"
    best = min(result.results, key=lambda one: one.scores.metrics["rmse"])
    parts: list[RenderableType] = [Text.assemble((str(facts["name"]), "bold"), heading), Text(""), _errors(result)]
    parts += [_verdict(comparison) for comparison in _shown(result)]
    if result.comparisons:
        parts.append(
            Text("p: paired permutation test over users, corrected for the pairs compared (Holm)", style="dim")
        )
    if best.scores.report:
        parts += [Text(""), _report(best, result)]
    hashes = protocol["split_hash"]
    parts.append(Text(f"split {hashes if isinstance(hashes, str) else ' '.join(hashes)}", style="dim"))
    parts += [Text(f"Note: {note}", style="yellow") for note in result.notes]
    return Group(*parts)


def _errors(result: RatingEvaluation) -> Table:
    several = any(summary.seeds > 1 for summary in result.summaries)
    folds = len(result.results[0].folds)
    table = Table(box=box.SIMPLE_HEAD, title="Predicted ratings", title_justify="left", title_style="bold")
    table.add_column("Model", no_wrap=True)
    for name in ("RMSE", "95 % interval", "MSE", "MAE", "Accuracy", "Liked F1", "Fit s", "Predict s"):
        table.add_column(name, justify="right", no_wrap=True, style="dim" if name.endswith(("interval", " s")) else "")
    if folds > 1:
        table.add_column(f"Mean of {folds} folds", justify="right", no_wrap=True)
    lowest = min(summary.mean["rmse"] for summary in result.summaries)
    for summary in result.summaries:
        runs = [one for one in result.results if one.model == summary.model]
        table.add_row(*_row(summary, runs, several=several, folds=folds, best=summary.mean["rmse"] == lowest))
    for name, title in (("item_mean", "(item mean)"), ("mean", "(mean)")):
        figures = result.baselines[name]
        table.add_row(title, *(f"{figures[m]:.4f}" if m else "" for m in ("rmse", "", "mse", "mae")), style="dim")
    majority = result.baselines["majority"]
    told = f"(always {majority['label']:g})"
    table.add_row(told, "", "", "", "", f"{majority['accuracy']:.4f}", style="dim")
    return table


def _row(
    summary: RatingSummary, runs: Sequence[RatingResult], *, several: bool, folds: int, best: bool
) -> list[Text | str]:
    low, high = runs[0].scores.intervals["rmse"]
    spread = f" ± {summary.spread['rmse']:.4f}" if several else ""
    cells: list[Text | str] = [
        summary.model,
        Text(f"{summary.mean['rmse']:.4f}{spread}", style="bold green" if best else ""),
        f"{low:.4f} to {high:.4f}",
        *(f"{summary.mean[name]:.4f}" for name in ("mse", "mae", "accuracy")),
        f"{sum(run.scores.liked.f1 for run in runs) / len(runs):.4f}",
        f"{sum(run.fit_seconds for run in runs) / len(runs):,.1f}",
        f"{sum(run.predict_seconds for run in runs) / len(runs):,.1f}",
    ]
    return [*cells, f"{summary.fold_mean:.4f} ± {summary.fold_spread:.4f}"] if folds > 1 else cells


def _report(best: RatingResult, result: RatingEvaluation) -> Table:
    liked = best.scores.liked
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"{best.model}, decoded to {result.protocol['decoded_to']}",
        title_justify="left",
        title_style="bold",
        caption=f"liked from {liked.threshold:g}: accuracy {liked.accuracy:.4f} (always the same: "
        f"{liked.majority_accuracy:.4f})",
        caption_justify="left",
    )
    for name in ("Rating", "Precision", "Recall", "F1", "Ratings"):
        table.add_column(name, justify="right")
    for one in best.scores.report:
        figures = (f"{value:.4f}" for value in (one.precision, one.recall, one.f1))
        table.add_row(f"{one.label:g}", *figures, f"{one.support:,}")
    table.add_row(
        f"≥ {liked.threshold:g}", *(f"{v:.4f}" for v in (liked.precision, liked.recall, liked.f1)), f"{liked.support:,}"
    )
    return table


def _shown(result: RatingEvaluation) -> list[RatingComparison]:
    """Each model with the next more exact one, on squared errors."""
    squared = [c for c in result.comparisons if c.metric == "mse"]
    order = [*dict.fromkeys(c.model for c in squared), *(c.other for c in squared[-1:])]
    neighbours = set(pairwise(order))
    return [c for c in squared if (c.model, c.other) in neighbours][:COMPARED]


def _verdict(c: RatingComparison) -> Text:
    told = "p < 0.001" if c.p_holm < 0.001 else f"p = {c.p_holm:.3f}"
    by = f"by {c.difference:+.4f} MSE ({c.interval[0]:.4f} to {c.interval[1]:.4f}), {told}"
    if c.p_holm < 0.05:
        return Text.assemble((c.model, "bold"), " is more exact than ", (c.other, "bold"), f" {by}")
    return Text.assemble((c.model, "bold"), " and ", (c.other, "bold"), f" cannot be told apart: {by}")
