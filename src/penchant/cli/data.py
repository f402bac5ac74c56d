"""`penchant data describe`: what a dataset holds, what is wrong with it, and what one of its users did."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, printed
from penchant.errors import ConfigError

if TYPE_CHECKING:
    from penchant.data.describe import Description
    from penchant.data.quality import Finding
    from penchant.data.user_report import UserReport


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Look at a dataset.", no_args_is_help=True)
    group.command("describe")(describe_command)
    app.add_typer(group, name="data")


def describe_command(
    folder: Annotated[Path, typer.Argument(help="A dataset folder.")],
    json_file: Json = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on", metavar="RULE,…", help="Exit 2 where one of these quality rules does not hold, or any."
        ),
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option("--limit", metavar="RULE=VALUE", help="A rule's limit instead of its own.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="Report on this user instead.")] = None,
) -> None:
    """Counts, spans, gaps, coverage, duplicates and leaks of a dataset, and whether each quality rule holds."""
    from penchant.data.describe import describe
    from penchant.data.quality import block, check_quality, known

    if user is not None:
        from penchant.data.folder import load_dataset
        from penchant.data.user_report import report_user

        report = report_user(load_dataset(folder), user)
        if not printed(report.as_json(), json_file):
            show_user(report)
        return
    rules = [name.strip() for name in (fail_on or "").split(",") if name.strip()]
    known(rules)
    description = describe(folder)
    findings = check_quality(description, limits=_limits(limit or []))
    if not printed({**description.as_json(), "quality": [finding.as_json() for finding in findings]}, json_file):
        show(description, findings)
    block(findings, rules)


def show(description: "Description", findings: "list[Finding]") -> None:
    """Print a description for a person."""
    from rich.markup import escape
    from rich.table import Table

    counts = description.counts
    screen.out.print(
        f"[bold]{escape(description.name)}[/bold]"
        + (f"  [dim]{escape(description.licence)}[/dim]" if description.licence else ""),
        soft_wrap=True,
    )
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="dim")
    facts.add_column()
    rows: list[tuple[str, str]] = [
        ("users", f"{counts['users']:,} ({counts['users_with_events']:,} with events)"),
        ("items", f"{counts['items']:,} ({counts['items_with_events']:,} with events)"),
        ("events", f"{counts['events']:,} on {counts['pairs']:,} pairs; density {description.density:.4%}"),
        ("event types", ", ".join(f"{name} {n:,}" for name, n in description.event_types.items())),
    ]
    for what, spread in (("user", description.events_per_user), ("item", description.events_per_item)):
        if spread is not None:
            rows.append(
                (
                    f"events per {what}",
                    f"{spread.least:,.0f} to {spread.most:,.0f}; median {spread.median:,.0f}, mean {spread.mean:,.1f},"
                    f" half between {spread.p25:,.0f} and {spread.p75:,.0f}",
                )
            )
    if description.days is not None:
        rows.append(("time", f"{description.first} to {description.last} ({description.days:,.1f} days)"))
        rows.append(
            ("gaps", "; ".join(f"{name.replace('_', ' ')} {duration(days)}" for name, days in description.gaps.items()))
        )
    else:
        rows.append(("time", "none: events have positions"))
    if description.values:
        labels = description.values["labels"]
        total = sum(labels.values()) or 1
        rows.append(
            (
                "values",
                f"mean {description.values['mean']:.2f}, {description.values['missing']:.1%} missing"
                + ("; " + ", ".join(f"{label}: {n / total:.0%}" for label, n in labels.items()) if labels else ""),
            )
        )
    rows.append(("item text", ", ".join(f"{name} {share:.0%}" for name, share in description.text_coverage.items())))
    gaps = [
        f"{table}.{column} {share:.1%}"
        for table, shares in description.missing.items()
        for column, share in shares.items()
        if share > 0 and not (table == "events" and share == 1)
    ]
    rows.append(("missing", ", ".join(gaps) or "nothing"))
    rows.append(
        (
            "import",
            f"{description.records:,} records read, {description.quarantined:,} set aside"
            + "".join(f", {n:,} {rule}" for rule, n in description.rules.items()),
        )
    )
    if counts["relations"]:
        rows.append(("relations", f"{counts['relations']:,}"))
    for title, text in rows:
        facts.add_row(title, escape(text))
    screen.out.print(facts)
    for leak in description.leaks:
        screen.out.print(
            f"[yellow]leak?[/yellow] {escape(f'{leak.table}.{leak.column}')}: {escape(leak.why)}", soft_wrap=True
        )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "rule", "counts", "found", "expected"):
        table.add_column(heading)
    for finding in findings:
        mark = "[green]✓[/green]" if finding.holds else "[yellow]![/yellow]"
        table.add_row(mark, finding.rule, finding.counts, escape(finding.found), finding.expected)
    screen.out.print(table)
    for finding in findings:
        if not finding.holds:
            screen.out.print(f"[yellow]{finding.rule}[/yellow]: {finding.hint}", soft_wrap=True)


def show_user(report: "UserReport") -> None:
    """Print a user's report for a person."""
    from rich.markup import escape
    from rich.table import Table

    about = ", ".join(f"{name} {value}" for name, value in report.attributes.items())
    screen.out.print(
        f"[bold]{escape(report.user_id)}[/bold]" + (f"  [dim]{escape(about)}[/dim]" if about else ""), soft_wrap=True
    )
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="dim")
    facts.add_column()
    busier = f"more than {report.percentile:.0%} of users"
    facts.add_row(
        "activity", f"{report.events:,} events on {report.items:,} items, {busier}; {report.repeats:.0%} repeats"
    )
    facts.add_row("event mix", ", ".join(f"{name} {n:,}" for name, n in report.event_types.items()))
    if report.last is not None and report.days_since_last is not None:
        facts.add_row(
            "time",
            f"{report.first} to {report.last}; {report.active_days} active days,"
            f" {report.per_active_day or 0:.1f} events each",
        )
        facts.add_row("recency", f"last event {duration(report.days_since_last)} before the data ends")
    if report.mean_value is not None:
        facts.add_row("mean value", f"{report.mean_value:.2f} (everybody: {report.mean_value_of_all:.2f})")
    if report.recent:
        facts.add_row("latest", escape("; ".join(report.recent)))
    if report.words:
        facts.add_row("words", escape("; ".join(report.words)))
    screen.out.print(facts)
    for column, kinds in report.top.items():
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in (column, "events", "share", "of the last third"):
            table.add_column(heading, justify="left" if heading == column else "right")
        for kind in kinds:
            table.add_row(escape(kind.name), f"{kind.events:,}", f"{kind.share:.0%}", f"{kind.late_share:.0%}")
        screen.out.print(table)


def duration(days: float) -> str:
    """Days in the unit that suits them."""
    for size, unit in ((1.0, "days"), (1 / 24, "hours"), (1 / 1440, "minutes")):
        if days >= size:
            return f"{days / size:,.1f} {unit}"
    return f"{days * 86400:,.0f} seconds"


def _limits(texts: list[str]) -> dict[str, float]:
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise ConfigError(
                f"--limit: {text!r} is not RULE=NUMBER.", hint="Write it as tied_last_events=0.5."
            ) from None
    return found
