"""The table of a comparison with peers, for a terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from penchant.evaluation.peers.report import mean_costs
from penchant.evaluation.peers.results import Failure, PeerComparison
from penchant.evaluation.results import Comparison, Summary
from penchant.metrics.names import title

WIDE = 160
SHOWN_LINES = 3
"""Last lines of a failed run that are printed; the JSON and the report have more."""


def show_comparison(result: PeerComparison, console: Console) -> None:
    """Print the tables; where the output is not a terminal they take the width they need."""
    if not console.is_terminal:
        console = Console(file=console.file, width=max(console.width, WIDE), highlight=False)
    console.print(comparison_view(result))


def comparison_view(result: PeerComparison) -> RenderableType:
    """What was asked, a table for each variant, who failed and why, and what to know before comparing."""
    facts, protocol = result.dataset, result.protocol
    tried = protocol["trials"]
    how = f"{tried} trials a model, chosen by {protocol['chosen_by']}" if tried > 1 else "every model with its defaults"
    parts: list[RenderableType] = [
        Text.assemble(
            (str(facts["name"]), "bold"),
            f" · {protocol['name']} · {protocol['asked']:,} cases asked · {facts['items']:,} items · {how} · "
            f"{protocol['threads']} threads",
        )
    ]
    for exclude in (True, False):
        summaries = [one for one in result.summaries if one.exclude_history == exclude]
        if summaries:
            parts += [Text(""), _table(result, summaries, exclude=exclude)]
            parts += _verdicts([c for c in result.comparisons if c.exclude_history == exclude], max(protocol["k"]))
    if result.comparisons:
        parts.append(
            Text("p: paired permutation test over users, corrected for the pairs compared (Holm)", style="dim")
        )
    parts += [line for failure in result.failures for line in _failure(failure)]
    parts += [Text(f"Note: {note}", style="yellow") for note in result.notes]
    parts += [Text(f"Note: {model}: {note}", style="yellow") for model, note in list_notes(result)]
    return Group(*parts)


def list_notes(result: PeerComparison) -> list[tuple[str, str]]:
    """What each model's lists lacked, once."""
    notes = {(one.model, note) for one in result.results for note in one.notes}
    order = list(dict.fromkeys(one.model for one in result.results))
    return sorted(notes, key=lambda pair: (order.index(pair[0]), pair[1]))


def _table(result: PeerComparison, summaries: Sequence[Summary], *, exclude: bool) -> Table:
    k = max(result.protocol["k"])
    metrics = [f"ndcg@{k}", f"recall@{k}", f"mrr@{k}"]
    heading = "History excluded from the ranking" if exclude else "History included in the ranking"
    table = Table(box=box.SIMPLE_HEAD, title=heading, title_justify="left", title_style="bold", padding=(0, 1, 0, 0))
    table.add_column("Model", no_wrap=True)
    for metric in metrics:
        table.add_column(title(metric), justify="right", no_wrap=True)
        if metric == metrics[0]:
            table.add_column("95 % interval", justify="right", style="dim", no_wrap=True)
    for cost in ("Fit s", "Lists s", "Wall s", "CPU s", "Peak MB"):
        table.add_column(cost, justify="right", style="dim", no_wrap=True)
    best = {metric: max(summary.mean[metric] for summary in summaries) for metric in metrics}
    for summary in sorted(summaries, key=lambda one: -one.mean[metrics[0]]):
        runs = [r for r in result.results if (r.model, r.exclude_history) == (summary.model, exclude)]
        ours = runs[0].source == "penchant"
        row: list[Text | str] = [Text(summary.model, style="bold" if ours else "")]
        for metric in metrics:
            value = summary.mean[metric]
            spread = f" ± {summary.spread[metric]:.4f}" if summary.seeds > 1 and metric == metrics[0] else ""
            row.append(Text(f"{value:.4f}{spread}", style="bold green" if value == best[metric] else ""))
            if metric == metrics[0]:
                low, high = summary.intervals[metric]
                row.append(f"{low:.4f} to {high:.4f}")
        table.add_row(*row, *mean_costs(runs))
    if any(summary.seeds > 1 for summary in summaries):
        table.caption = "mean of the seeds ± their standard deviation; the interval is over users"
        table.caption_justify = "left"
    return table


def _verdicts(comparisons: Sequence[Comparison], k: int) -> list[Text]:
    lines = []
    for c in comparisons:
        if c.metric != f"ndcg@{k}":
            continue
        by = f"by {c.difference:+.4f} {title(c.metric)} ({c.interval[0]:+.4f} to {c.interval[1]:+.4f})"
        p = "< 0.001" if c.p_holm < 0.001 else f"= {c.p_holm:.3f}"
        if c.p_holm < 0.05:
            verb = "is ahead of" if c.difference > 0 else "is behind"
            lines.append(Text.assemble((c.model, "bold"), f" {verb} ", (c.other, "bold"), f" {by}, p {p}"))
        else:
            lines.append(
                Text.assemble((c.model, "bold"), " and ", (c.other, "bold"), f" cannot be told apart: {by}, p {p}")
            )
    return lines


def _failure(failure: Failure) -> list[Text]:
    lines = [Text.assemble((failure.model, "bold red"), f" {failure.status}: {failure.message}")]
    lines += [Text(f"    {line}", style="dim") for line in failure.last_lines.splitlines()[-SHOWN_LINES:]]
    return lines
