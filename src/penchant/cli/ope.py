"""`penchant ope`: what another policy would have earned, from the log of the one that served."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli import screen
from penchant.cli.delivery import Json, check_places, printed
from penchant.cli.options import names, table_of
from penchant.errors import ConfigError, DataError

if TYPE_CHECKING:
    from penchant.evaluation.off_policy.report import OffPolicyReport
    from penchant.feedback.attribution import AttributionReport
    from penchant.feedback.log_reading import FeedbackLog

SECONDS_PER_DAY = 86_400


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ope")(ope)


def ope(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="JSON lines, as `penchant log` writes.")],
    policy: Annotated[str, typer.Option(help="The policy to ask: greedy, dial, epsilon_greedy, uniform, ...")],
    explore: Annotated[
        float | None, typer.Option(help="The dial's share, from 0 to 1.", show_default="as it was at each decision")
    ] = None,
    reward: Annotated[
        str,
        typer.Option(help="What events are worth, such as click=1,purchase=5.", show_default="1, a view 0"),
    ] = "",
    estimators: Annotated[str, typer.Option(help="Names, with commas between them.", show_default="all")] = "",
    window: Annotated[float, typer.Option(help="Days after a decision in which events count.")] = 7.0,
    combine: Annotated[str, typer.Option(help="Several events of one place: highest, sum or latest.")] = "highest",
    logging_policy: Annotated[
        str | None,
        typer.Option(
            help="The policy that served: gives slot marginals, for independent_ips, and all chances, for mips."
        ),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(metavar="BUNDLE", help="The bundle that served: gives items' concepts, for mips.")
    ] = None,
    logged_by: Annotated[
        str | None, typer.Option(metavar="NAME@VERSION", help="Only what this policy version decided.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Settings of policies: one table for each, by its name.")
    ] = None,
    level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    seed: Annotated[int, typer.Option(help="Of resampling, folds and draws.")] = 0,
    draws: Annotated[int, typer.Option(help="Of a policy whose probabilities have no closed form.")] = 64,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad line.")] = False,
    quarantine: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write bad lines here, with line and reason.")
    ] = None,
    bandit_feedback: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the joined log in Open Bandit Pipeline's fields (.npz, .json)."),
    ] = None,
    json_file: Json = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a report for a browser.")] = None,
) -> None:
    """What another policy would have earned on the same requests, with intervals; refused where the log cannot tell."""
    from penchant.config import read_toml
    from penchant.evaluation.measuring import environment
    from penchant.evaluation.off_policy.estimates import EstimateConfig
    from penchant.evaluation.off_policy.evaluating import ALL_PLACES, DIAL, FIRST_PLACE, evaluate_policy, target_policy
    from penchant.evaluation.off_policy.logging_policy import logging_policy as as_served
    from penchant.evaluation.off_policy.replaying import ReplayConfig
    from penchant.evaluation.off_policy.report import OffPolicyReport, write_report
    from penchant.feedback.attribution import AttributionConfig, attribute
    from penchant.feedback.exchange import bandit_feedback as as_bandit_feedback
    from penchant.feedback.exchange import save_feedback

    check_places(html, bandit_feedback)
    settings = read_toml(config) if config else {}
    joining: dict[str, Any] = {"window_seconds": window * SECONDS_PER_DAY, "combine": combine}
    if reward:
        joining["rewards"] = rewards_of(reward)
    attribution = AttributionConfig.of(joining, where="penchant ope")
    asked = names(estimators) or (*ALL_PLACES, *FIRST_PLACE)
    estimating = EstimateConfig.of({"level": level, "seed": seed}, where="penchant ope")
    asking = ReplayConfig.of({"draws": draws, "seed": seed}, where="penchant ope")
    told = table_of(settings, policy)
    if explore is not None:
        if policy != DIAL:
            raise ConfigError(f"--explore is a setting of the dial, not of {policy}.", hint="Give --policy dial.")
        told = {**told, "share": explore}
    target = target_policy(policy, told)
    concepts = None
    if bundle is not None:
        from penchant.pipeline.main_concepts import main_concepts

        concepts = main_concepts(bundle)
    server = as_served(logging_policy, table_of(settings, logging_policy)) if logging_policy else None
    read = _read(log, quarantine, strict=strict)
    rewarded, joined = attribute(read.decisions, read.events, attribution)
    if not rewarded:
        raise DataError(
            f"No decision of {log} can be used. Lines: {read.lines:,}; decisions: {len(read.decisions):,}; "
            + "; ".join(f"{reason}: {count:,}" for reason, count in sorted(_unused(read, joined).items())),
            hint="Give a log of rankings with the chance that each item had of its place.",
        )
    if bandit_feedback is not None:  # before the question, which the log may not be able to answer
        save_feedback(as_bandit_feedback(rewarded), bandit_feedback)
    value = evaluate_policy(
        rewarded,
        target,
        name=policy,
        settings=told,
        estimators=asked,
        logging_policy=server,
        concepts=concepts,
        version=logged_by,
        config=estimating,
        asking=asking,
    )
    report = OffPolicyReport(
        log={
            "file": log.name,
            "lines": read.lines,
            "decisions": len(read.decisions),
            "events": len(read.events),
            "other": read.other,
            "blank": read.blank,
            "quarantined": dict(Counter(fault.reason for fault in read.faults)),
        },
        attribution=joined,
        settings={**attribution.model_dump(), "level": level, "seed": seed, "draws": draws},
        value=value,
        environment=environment(),
    )
    if not printed(report, json_file):
        _show(report)
    if html is not None:
        write_report(report, html)
        screen.err.print(f"[dim]report: {html}[/dim]", soft_wrap=True)


def rewards_of(text: str) -> dict[str, float]:
    """``click=1,purchase=5`` as numbers by event type."""
    found = {}
    for part in names(text):
        name, equals, value = part.partition("=")
        try:
            found[name.strip()] = float(value) if equals else 1.0
        except ValueError:
            raise ConfigError(
                f"--reward takes numbers; {part!r} came.", hint="For example: --reward click=1,purchase=5"
            ) from None
    return found


def _read(log: Path, quarantine: Path | None, *, strict: bool) -> "FeedbackLog":
    from penchant.data.quarantine import Quarantine
    from penchant.feedback.log_reading import read_log

    if quarantine is None and not strict:
        return read_log(log)
    folder = quarantine or log.parent
    if quarantine is not None:
        check_places(folder / "lines")
    with Quarantine(folder, strict=strict) as aside:
        return read_log(log, quarantine=aside)


def _unused(read: "FeedbackLog", joined: "AttributionReport") -> dict[str, int]:
    """How many lines and decisions were left out, by reason."""
    return dict(Counter(fault.reason for fault in read.faults) + Counter(joined.decisions_left_out))


def _show(report: "OffPolicyReport") -> None:
    from penchant.cli.ope_views import report_view

    screen.out.print(report_view(report))
