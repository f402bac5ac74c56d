"""Metric tables for a terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from penchant.evaluation.results import Comparison, EvaluationResult, Summary
from penchant.metrics.lists import ListScores
from penchant.metrics.names import BEYOND_ACCURACY, shown, title

WIDE = 160
"""Room for every column; where there is less, those that decide are shown."""


def show_evaluation(result: EvaluationResult, console: Console) -> None:
    """Print the tables; where the output is not a terminal they take the width they need."""
    if not console.is_terminal:
        console = Console(file=console.file, width=max(console.width, WIDE), highlight=False)
    console.print(evaluation_view(result, width=console.width))


def evaluation_view(result: EvaluationResult, *, width: int = WIDE) -> RenderableType:
    """What was asked, a table for each variant, who is ahead of whom, and what to know before comparing."""
    facts, protocol = result.dataset, result.protocol
    parts: list[RenderableType] = [
        Text.assemble(
            (str(facts["name"]), "bold"),
            f" · {protocol['name']} · {protocol['asked']:,} cases asked · {facts['items']:,} items ranked",
        ),
    ]
    for exclude in protocol["exclude_history"]:
        summaries = [one for one in result.summaries if one.exclude_history == exclude]
        parts += [Text(""), _table(result, summaries, exclude=exclude, width=width)]
        parts += _verdicts([c for c in result.comparisons if c.exclude_history == exclude], max(protocol["k"]))
    if result.comparisons:
        parts.append(
            Text("p: paired permutation test over users, corrected for the pairs compared (Holm)", style="dim")
        )
    if result.learning_curve:
        parts += [Text(""), _curve_table(result)]
    parts += [Text(f"Note: {note}", style="yellow") for note in result.notes]
    return Group(*parts)


def scores_view(scores: ListScores) -> RenderableType:
    """Metrics of exported lists with their intervals."""
    table = Table(box=box.SIMPLE_HEAD, title=f"{scores.users:,} users", title_justify="left", title_style="")
    table.add_column("Metric")
    table.add_column("Mean", justify="right")
    table.add_column("95 % interval", justify="right", style="dim")
    for name, value in scores.metrics.items():
        table.add_row(title(name), f"{value:.4f}", _interval(scores.intervals[name]))
    return Group(table, *(Text(note, style="yellow") for note in scores.notes))


def _table(result: EvaluationResult, summaries: Sequence[Summary], *, exclude: bool, width: int) -> Table:
    """As many columns as fit, the ones that decide first."""
    ks = result.protocol["k"]
    k = max(ks)
    metrics = [f"ndcg@{k}", f"recall@{k}", f"mrr@{k}"]
    further = [f"coverage@{k}", "auc", f"novelty@{k}", f"diversity@{k}", f"gini@{k}"]
    further += [name for name in (f"stability@{k}",) if name in summaries[0].mean]
    further += [f"ndcg@{other}" for other in ks if other != k]
    probe = Console(width=1_000)
    for n in range(len(further), -1, -1):
        table = _table_of(result, summaries, [*metrics, *further[:n]], exclude=exclude, all_costs=n >= 2)
        if probe.measure(table).maximum <= width:
            break
    return table


def _table_of(
    result: EvaluationResult, summaries: Sequence[Summary], metrics: Sequence[str], *, exclude: bool, all_costs: bool
) -> Table:
    seeds = max(summary.seeds for summary in summaries)
    heading = "History excluded from the ranking" if exclude else "History included in the ranking"
    table = Table(box=box.SIMPLE_HEAD, title=heading, title_justify="left", title_style="bold", padding=(0, 1, 0, 0))
    table.add_column("Model", no_wrap=True)
    for metric in metrics:
        table.add_column(title(metric), justify="right", no_wrap=True)
        if metric == metrics[0]:
            table.add_column("95 % interval", justify="right", style="dim", no_wrap=True)
    for cost in ("Fit s", "Score s", "Peak MB") if all_costs else ("Fit s",):
        table.add_column(cost, justify="right", style="dim", no_wrap=True)
    best = {metric: max(s.mean[metric] for s in summaries) for metric in metrics}
    for summary in summaries:
        runs = [r for r in result.results if (r.model, r.exclude_history) == (summary.model, exclude)]
        row: list[Text | str] = [summary.model]
        for metric in metrics:
            value = summary.mean[metric]
            spread = _spread(summary, metric) if metric == metrics[0] else ""
            leads = value == best[metric] and len(summaries) > 1 and not metric.startswith(BEYOND_ACCURACY)
            row.append(Text(shown(value, metric) + spread, style="bold green" if leads else ""))
            if metric == metrics[0]:
                row.append(_interval(summary.intervals[metric]))
        costs = [
            f"{sum(run.fit_seconds for run in runs) / len(runs):,.1f}",
            f"{sum(run.score_seconds for run in runs) / len(runs):,.1f}",
            f"{max(run.peak_rss_mb for run in runs):,.0f}",
        ]
        table.add_row(*row, *(costs if all_costs else costs[:1]))
    if seeds > 1:
        table.caption = f"mean of {seeds} seeds ± their standard deviation; the interval is over users"
        table.caption_justify = "left"
    elif summaries[0].folds > 1:
        table.caption = f"± the standard deviation over {summaries[0].folds} folds; the interval is over users"
        table.caption_justify = "left"
    return table


def _spread(summary: Summary, metric: str) -> str:
    if summary.seeds > 1:
        return f" ± {summary.spread[metric]:.4f}"
    return f" ± {summary.fold_spread[metric]:.4f}" if summary.folds > 1 else ""


def _verdicts(comparisons: Sequence[Comparison], k: int) -> list[Text]:
    """One line for each pair on the headline metric; the models of neighbouring rank only, where there are many."""
    headline = [c for c in comparisons if c.metric == f"ndcg@{k}"]
    order = list(dict.fromkeys(c.model for c in headline))
    neighbours = [c for c in headline if c.other == [*order, headline[-1].other][order.index(c.model) + 1]]
    return [_verdict(c) for c in neighbours]


def _verdict(c: Comparison) -> Text:
    by = f"by {c.difference:+.4f} {title(c.metric)} ({_interval(c.interval)}), p {_p(c.p_holm)}"
    if c.p_holm < 0.05:
        return Text.assemble((c.model, "bold"), " is ahead of ", (c.other, "bold"), f" {by}")
    return Text.assemble((c.model, "bold"), " and ", (c.other, "bold"), f" cannot be told apart: {by}")


def _curve_table(result: EvaluationResult) -> Table:
    metric = f"ndcg@{max(result.protocol['k'])}"
    first = result.learning_curve[0].exclude_history
    points = [point for point in result.learning_curve if point.exclude_history == first]
    shares = sorted({point.share for point in points})
    heading = f"Learning curve, {title(metric)}, history {'excluded' if first else 'included'}"
    table = Table(box=box.SIMPLE_HEAD, title=heading, title_justify="left", title_style="bold")
    table.add_column("Model")
    for share in shares:
        events = next(point.train_events for point in points if point.share == share)
        table.add_column(f"{share:.0%}: {events:,} events", justify="right")
    for model in dict.fromkeys(point.model for point in points):
        table.add_row(
            model, *(f"{p.metrics[metric]:.4f}" for s in shares for p in points if (p.model, p.share) == (model, s))
        )
    return table


def _interval(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.4f} to {ends[1]:.4f}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
