"""An experiment's report on a terminal."""

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from penchant.evaluation.ab_testing.analysis import Compared, ExperimentReport, MeasureResult

STYLES = {"better": "green", "worse": "red", "not told apart": "dim"}


def report_view(report: ExperimentReport) -> RenderableType:
    """Users, sample ratio, a table of effects, and what to know before believing them."""
    ratio, accounts = report.sample_ratio, report.accounts
    arms = ", ".join(f"{arm} {users:,}" for arm, users in report.arms.items())
    level = f"{100 * report.level:g} %"
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Measure")
    table.add_column("Arm")
    for heading in (
        report.control,
        "Arm's",
        "Relative",
        f"{level} interval",
        "p, Holm",
        "With the past",
        "At any time",
    ):
        table.add_column(heading, justify="right")
    table.add_column("Verdict")
    for result in report.measures:
        for one in result.comparisons:
            effect, guard = one.effect, f", guardrail {one.guardrail}" if one.guardrail else ""
            table.add_row(
                result.measure,
                one.arm,
                f"{effect.control:.4g}",
                f"{effect.treatment:.4g}",
                "" if effect.relative is None else f"{100 * effect.relative:+.1f} %",
                _interval(effect.interval),
                "" if one.p_holm is None else f"{one.p_holm:.4f}",
                "" if one.cuped is None else _interval(one.cuped.interval),
                "" if one.anytime is None else _interval(one.anytime.interval),
                Text(f"{one.verdict}{guard}", style=STYLES[one.verdict]),
            )
        if result.note:
            table.add_row(result.measure, "", "", "", "", "", "", "", "", Text(result.note, style="yellow"))
    beside = [
        Text(line, style="dim")
        for result in report.measures
        for one in result.comparisons
        for line in _beside(result, one)
    ]
    left = ", ".join(f"{rule} {n:,}" for rule, n in sorted(accounts.left_out.items()))
    return Group(
        Text.assemble((report.experiment, "bold"), f" · {arms}"),
        Text(
            f"sample ratio: p = {ratio.p:.3g}{' MISMATCH' if ratio.mismatch else ''}",
            style="red" if ratio.mismatch else "",
        ),
        table,
        *beside,
        Text(f"{accounts.lines:,} lines read; left out: {left or 'none'}", style="dim"),
        *(Text(f"Note: {note}", style="yellow") for note in report.notes),
    )


def _interval(ends: tuple[float, float]) -> str:
    return f"{ends[0]:+.4g} to {ends[1]:+.4g}"


def _beside(result: MeasureResult, one: Compared) -> Iterator[str]:
    """The effect with what was known before taken into account, and where it lies."""
    name = f"{result.measure}, {one.arm}"
    if one.weighted is not None:
        told = one.weighted
        yield (
            f"{name}: {told.dr.effect:+.4g} ({_interval(told.dr.interval)}) doubly robust, {told.ipw.effect:+.4g} "
            f"({_interval(told.ipw.interval)}) by propensity weights"
        )
    if one.segments is not None:
        parts = "; ".join(
            f"{part.segment} {part.effect:+.4g} ({_interval(part.interval)})" for part in one.segments.segments
        )
        yield f"{name}, by segment: {parts}; all alike: p = {one.segments.p_alike:.2g}"
