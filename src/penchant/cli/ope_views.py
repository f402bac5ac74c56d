"""An off-policy evaluation on a terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from penchant.evaluation.off_policy.estimates import Estimate
from penchant.evaluation.off_policy.report import OffPolicyReport, shown, span


def report_view(report: OffPolicyReport) -> RenderableType:
    """The answer, the estimates, and what became of the log."""
    value = report.value
    parts: list[RenderableType] = [
        Text.assemble(
            (value.policy, "bold"),
            f" · {value.admission.kept:,} decisions of {value.users:,} users · up to {value.places} places",
        )
    ]
    gain = value.gain
    if gain.value is None:
        parts.append(Text(f"No answer: {gain.refused}.", style="yellow"))
    else:
        parts.append(
            Text(
                f"{gain.value:+.4g} a slate against what was earned ({span(gain.intervals['bootstrap'])}), by "
                f"{value.chosen}"
            )
        )
    parts.append(_table("All places", (value.logged, *value.all_places)))
    if value.first_place:
        parts.append(_table("First place", (value.first_logged, *value.first_place)))
    refused = [one for one in (*value.all_places, *value.first_place) if one.refused]
    parts += [Text(f"{one.estimator}: refused: {one.refused}", style="yellow") for one in refused]
    parts += [
        Text(f"{one.estimator} takes for granted: {one.assumes}", style="dim")
        for one in (*value.all_places, *value.first_place)
        if one.assumes
    ]
    joined = report.attribution
    parts.append(
        Text(
            f"{joined.events_attributed:,} of {joined.events:,} events count, {joined.decisions_kept:,} of "
            f"{joined.decisions:,} decisions; {sum(report.log['quarantined'].values()):,} lines set aside",
            style="dim",
        )
    )
    left = {**report.log["quarantined"], **joined.decisions_left_out, **joined.events_left_out}
    left |= {**value.admission.set_aside, **value.left_out}
    if left:
        parts.append(
            Text("; ".join(f"{name.replace('_', ' ')}: {count:,}" for name, count in left.items()), style="dim")
        )
    return Group(*parts)


def _table(title: str, estimates: Sequence[Estimate]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    table.add_column("estimator")
    for name in ("value", "bootstrap", "bernstein", "worth", "largest weight"):
        table.add_column(name, justify="right")
    for one in estimates:
        overlap = one.overlap
        table.add_row(
            one.estimator,
            shown(one.value) if one.value is not None else "refused",
            span(one.intervals.get("bootstrap")),
            span(one.intervals.get("bernstein")),
            "–" if overlap is None else f"{overlap.effective:,.0f}",
            "–" if overlap is None else shown(overlap.largest_weight),
        )
    return table
