"""`penchant abtest`: who gets which arm, how many users it takes, and what came of it."""

from collections import Counter
from dataclasses import asdict
from math import ceil
from pathlib import Path
from typing import Annotated

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, check_places, printed
from penchant.errors import ConfigError

Shares = Annotated[
    str | None,
    typer.Option(
        "--shares", metavar="ARM=SHARE,…", help="Planned shares of the arms, which add up to 1: control=0.5,new=0.5."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    group.command("assign")(assign)
    group.command("plan")(plan)
    group.command("report")(report)
    group.command("interleave")(interleave)
    group.command("preference")(preference)
    group.command("switchback")(switchback)
    app.add_typer(group, name="abtest", help="Experiments on users: assign arms, plan numbers, read what came of it.")


def assign(
    users: Annotated[list[str], typer.Argument(metavar="USER…", help="Ids; - reads one a line from standard input.")],
    experiment: Annotated[str, typer.Option(help="The experiment's name, which is its salt.")],
    shares: Shares = None,
    traffic: Annotated[float, typer.Option(help="Share of users that is enrolled.")] = 1.0,
    json_file: Json = None,
) -> None:
    """Say each user's arm: the same for ever and on every machine, without any store."""
    from penchant.evaluation.ab_testing.assignment import Experiment

    settings: dict[str, object] = {"name": experiment, "traffic": traffic}
    if shares is not None:
        settings["shares"] = arm_shares(shares)
    made = Experiment.of(settings, where="abtest assign")
    ids = users if users != ["-"] else [line.strip() for line in typer.get_text_stream("stdin") if line.strip()]
    arms = {user: made.arm(user) for user in ids}
    if printed(arms, json_file):
        return
    for user, arm in arms.items():
        print(f"{user}\t{arm or 'not enrolled'}")


def plan(
    difference: Annotated[
        float | None, typer.Option(help="What it is to see: of a share the relative change, of a mean the difference.")
    ] = None,
    users: Annotated[
        int | None,
        typer.Option(min=2, help="Users of the control: says what they would see, in place of --difference."),
    ] = None,
    base: Annotated[float | None, typer.Option(help="The share as it is now, such as 0.05.")] = None,
    deviation: Annotated[float | None, typer.Option(help="Standard deviation of a user's value, for a mean.")] = None,
    power: Annotated[float, typer.Option(help="Chance of seeing it.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Chance of seeing it where it is not.")] = 0.05,
    ratio: Annotated[float, typer.Option(help="Users of the treatment for one of the control.")] = 1.0,
    daily: Annotated[float | None, typer.Option(help="New users a day, to say how many days it takes.")] = None,
    json_file: Json = None,
) -> None:
    """Say how many users an experiment needs, or what so many users would see."""
    from dataclasses import replace

    from penchant.evaluation.ab_testing.power import Plan, detectable, for_mean, for_share

    if (base is None) == (deviation is None):
        raise ConfigError("A share and a mean cannot both be planned, nor neither.", hint="Give --base or --deviation.")
    if (difference is None) == (users is None):
        raise ConfigError(
            "An experiment is planned by what it is to see, or by its users.", hint="Give --difference or --users."
        )
    if users is not None:
        if base is not None and not 0 < base < 1:
            raise ConfigError(f"The share is {base}; it lies between 0 and 1.", hint="Give one such as 0.05.")
        spread = (deviation or 0.0) if base is None else (base * (1 - base)) ** 0.5
        seen = detectable(spread, users, power=power, alpha=alpha, ratio=ratio)
        both = users, ceil(users * ratio)
        made = Plan(per_control=both[0], per_treatment=both[1], difference=seen, power=power, alpha=alpha)
    elif base is not None:
        made = for_share(base, difference or 0.0, power=power, alpha=alpha, ratio=ratio)
    else:
        made = for_mean(deviation or 0.0, difference or 0.0, power=power, alpha=alpha, ratio=ratio)
    if daily is not None:
        if not daily > 0:
            raise ConfigError(f"{daily} users a day came.", hint="Give a number above 0.")
        made = replace(made, days=(made.per_control + made.per_treatment) / daily)
    if printed(made, json_file):
        return
    screen.out.print(f"{made.per_control:,} users in control and {made.per_treatment:,} in treatment")
    screen.out.print(f"see a difference of {made.difference:g} with power {made.power:g} at level {made.alpha:g}")
    if made.days is not None:
        screen.out.print(f"about {made.days:,.1f} days")


def report(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Exposures and events: JSON lines or CSV.")],
    experiment: Annotated[str | None, typer.Option(help="Which, where the log has several.")] = None,
    control: Annotated[str | None, typer.Option(help="The arm that others are held against.")] = None,
    shares: Shares = None,
    domain: Annotated[str | None, typer.Option(help="Business measures of shop, media, news or learning.")] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Settings, with a table [measures.NAME] each.")
    ] = None,
    window: Annotated[float | None, typer.Option(help="Days after the exposure that count.")] = None,
    json_file: Json = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a report for a browser.")] = None,
) -> None:
    """Compare the arms of an experiment: sample ratio, effects with intervals, with the past taken out, at any time."""
    from penchant.cli.abtest_views import report_view
    from penchant.config import read_toml
    from penchant.evaluation.ab_testing.analysis import AnalysisConfig, analyse
    from penchant.evaluation.ab_testing.log import read_log
    from penchant.evaluation.ab_testing.page import write_page

    check_places(html)
    settings = read_toml(config) if config else {}
    given = {"control": control, "domain": domain, "shares": arm_shares(shares) if shares else None}
    settings |= {name: value for name, value in given.items() if value is not None}
    asked = AnalysisConfig.of(settings, where=str(config or "abtest report"))
    if window is not None and not window > 0:
        raise ConfigError(f"A window of {window} days came.", hint="Give a number above 0.")
    result = analyse(read_log(log, experiment=experiment, window_days=window), asked)
    if not printed(result, json_file):
        screen.out.print(report_view(result))
    if html is not None:
        write_page(result, html)
        screen.err.print(f"[dim]report: {html}[/dim]", soft_wrap=True)


def interleave(
    a: Annotated[Path, typer.Argument(metavar="A", help="Lists of one ranker: a JSON line for each user.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Lists of the other.")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Where the interleaved lists go.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Places of a list.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the coins.")] = 0,
    json_file: Json = None,
) -> None:
    """Put two rankers' lists into one for each user, so that each user judges both (team draft)."""
    from penchant.evaluation.ab_testing.lists import interleave as interleaved
    from penchant.evaluation.ab_testing.lists import write_interleaved
    from penchant.metrics.lists import read_lists

    check_places(to)
    ours, theirs = read_lists(a), read_lists(b)
    made = list(interleaved(ours.items, theirs.items, k, seed=seed))  # before the file is opened, lest it be emptied
    told, alone = write_interleaved(to, made), len(ours.items.keys() ^ theirs.items.keys())
    left_out = {"one_list_only": alone, "repeated_items": ours.repeats + theirs.repeats}
    if not printed({"file": str(to), **told, "left_out": left_out}, json_file):
        screen.out.print(f"{told['lists']:,} lists are in {to}: {told['A']:,} places of A, {told['B']:,} of B")
        screen.out.print(f"{alone:,} users have a list of one ranker only, and are left out")


def preference(
    lists: Annotated[Path, typer.Argument(metavar="LISTS", help="What `abtest interleave` wrote, as it was shown.")],
    taken: Annotated[Path, typer.Argument(metavar="LOG", help="What users took: a store, its log, or JSON lines.")],
    events: Annotated[str, typer.Option(help="Event types that count.", show_default="all but impressions")] = "",
    level: Annotated[float, typer.Option(help="Of the interval.")] = 0.95,
    json_file: Json = None,
) -> None:
    """Say which of two interleaved rankers users prefer."""
    from penchant.cli.options import names
    from penchant.evaluation.ab_testing.lists import judge, read_interleaved

    if not 0 < level < 1:
        raise ConfigError(f"The level is {level}; it lies between 0 and 1.", hint="Take 0.95.")
    found = judge(read_interleaved(lists), taken, events=names(events), level=level)
    if printed(found, json_file):
        return
    told = found.preference
    screen.out.print(f"{told.wins_a:,} users prefer A, {told.wins_b:,} B, {told.ties:,} neither; p = {told.p:.3g}")
    if told.interval is not None:
        low, high = (100 * (0.5 + end) for end in told.interval)
        screen.out.print(f"of those who do, {100 * (0.5 + (told.preference or 0)):.1f} % B ({low:.1f} to {high:.1f} %)")
    left = ", ".join(f"{rule.replace('_', ' ')} {n:,}" for rule, n in sorted(found.left_out.items()))
    screen.out.print(f"{found.taken:,} events count; left out: {left or 'none'}")


def switchback(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Events: a store, its log, JSON lines or CSV.")],
    experiment: Annotated[str, typer.Option(help="The experiment's name, which says which blocks were treated.")],
    event: Annotated[str, typer.Option(help="The event type whose mean value is compared.")],
    hours: Annotated[float, typer.Option(help="Of a block.")] = 4.0,
    washout: Annotated[float, typer.Option(help="Share of each block, its beginning, that is left out.")] = 0.0,
    treated: Annotated[float, typer.Option(help="Share of blocks.")] = 0.5,
    seed: Annotated[int, typer.Option(min=0, help="Of the permutations.")] = 0,
    json_file: Json = None,
) -> None:
    """Compare blocks of time that had the treatment with those that had not."""
    from penchant.evaluation.ab_testing.log import events_in
    from penchant.evaluation.ab_testing.switchback import Switchback, analyse, moments_and_values
    from penchant.seeding import numpy_rng

    design = Switchback.of(
        {"name": experiment, "hours": hours, "washout": washout, "treated": treated}, where="abtest switchback"
    )
    left_out: Counter[str] = Counter()
    moments, values = moments_and_values(events_in(log, left_out), event, left_out)
    found = analyse(design, moments, values, rng=numpy_rng(seed, "switchback"))
    if printed({**asdict(found), "left_out": left_out}, json_file):
        return
    effect = found.effect
    screen.out.print(
        f"{effect.difference:+.4g} ({effect.interval[0]:+.4g} to {effect.interval[1]:+.4g}) on {effect.control:.4g}; "
        f"p = {found.p_permutation:.3g} by permutation"
    )
    screen.out.print(
        f"{found.treatment_blocks:,} blocks with the treatment, {found.control_blocks:,} without; "
        f"{found.washed_out:,} events washed out"
    )
    left = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in sorted(left_out.items()))
    screen.out.print(f"Left out: {left or 'none'}")


def arm_shares(text: str) -> dict[str, float]:
    """``control=0.5,new=0.5`` as a mapping; `ConfigError` for what is none."""
    made: dict[str, float] = {}
    for part in text.split(","):
        name, equals, share = part.partition("=")
        if name.strip() in made:
            raise ConfigError(f"{name.strip()!r} has two shares.", hint="Name each arm once.")
        try:
            made[name.strip()] = float(share)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise ConfigError(f"{part!r} is no arm with its share.", hint="Write control=0.5,new=0.5.")
    return made
