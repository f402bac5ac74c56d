"""An experiment from its log to its verdicts: accounts, sample ratio, measures of each arm against the control."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from pydantic import Field, field_validator

from penchant.config import Config
from penchant.errors import ConfigError, DataError
from penchant.evaluation.ab_testing.fixed_horizon import (
    LEAST_UNITS,
    Adjusted,
    Effect,
    Mismatch,
    adjusted,
    bootstrap_interval,
    compare,
    sample_ratio,
)
from penchant.evaluation.ab_testing.log import Accounts, ExperimentLog, Unit
from penchant.evaluation.ab_testing.measures import Measure, Sample, domain, found_in, sample, without_value
from penchant.evaluation.ab_testing.readouts import propensities_differ, segments, weighted
from penchant.evaluation.ab_testing.sequential import LEAST, AnytimeEffect, anytime
from penchant.evaluation.causal.effects import Effects
from penchant.evaluation.causal.uplift import Uplift
from penchant.metrics.significance import holm
from penchant.seeding import numpy_rng

Verdict: TypeAlias = Literal["better", "worse", "not told apart"]
Guard: TypeAlias = Literal["kept", "broken", "open"]
FEW = 200
"""Users of an arm below which a ratio's interval is also bootstrapped"""


class AnalysisConfig(Config):
    """What is asked of a log."""

    control: str | None = None
    """None: the arm called control, else the first in the alphabet"""
    shares: dict[str, float] | None = None
    """Planned shares of the arms, which add up to 1; None: equal ones of the arms that the log names"""
    domain: str | None = None
    """Take a domain's measures; see `DOMAINS`"""
    measures: dict[str, Measure] = Field(default_factory=dict)
    """Further ones, or in place of the domain's of the same name"""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    planned: int | None = Field(default=None, ge=1)
    """Users at which the anytime-valid interval is tightest; None: those there are"""
    seed: int = 0

    @field_validator("shares")
    @classmethod
    def _add_up(cls, shares: dict[str, float] | None) -> dict[str, float] | None:
        if shares is not None and not (min(shares.values(), default=0) > 0 and abs(sum(shares.values()) - 1) <= 1e-6):
            raise ValueError("shares above 0 that add up to 1")
        return shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One measure of one arm against the control."""

    arm: str
    effect: Effect
    p_holm: float | None
    """Corrected for all comparisons of the report"""
    verdict: Verdict
    """By p_holm, at the report's level, for an experiment that is looked at once"""
    cuped: Adjusted | None
    anytime: AnytimeEffect | None
    """None below 100 users"""
    bootstrap: tuple[float, float] | None
    """For a ratio of few users"""
    segments: Uplift | None
    """Where the effect lies; None where the log names fewer than two that are large enough"""
    weighted: Effects | None
    """By propensity weights and doubly robust; None for ratios and small arms"""
    guardrail: Guard | None
    """kept: the relative interval is above −margin; broken: below it; open: neither. None: no guardrail"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureResult:
    """A measure over all arms."""

    measure: str
    kind: str
    better: str
    values: Mapping[str, float]
    """Arm → R"""
    comparisons: tuple[Compared, ...]
    note: str = ""
    """Why there is no comparison"""
    without_value: int = 0
    """Events that it leaves out because they have no value"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentReport:
    """All of it."""

    experiment: str
    control: str
    arms: Mapping[str, int]
    """Users of each, also where that is 0"""
    sample_ratio: Mismatch
    accounts: Accounts
    measures: tuple[MeasureResult, ...]
    level: float
    notes: tuple[str, ...]


def analyse(log: ExperimentLog, config: AnalysisConfig) -> ExperimentReport:
    """The report of a log. `ConfigError` for a control that has no share; `DataError` where fewer than two arms have
    two users each.
    """
    shares = config.shares or {arm: 1.0 / len(log.arms) for arm in log.arms}
    by_arm: dict[str, list[Unit]] = {name: [] for name in shares}
    for unit in log.units:
        by_arm.setdefault(unit.arm, []).append(unit)
    control = config.control or ("control" if "control" in by_arm else min(by_arm))
    if control not in by_arm:
        raise ConfigError(f"No arm is called {control!r}.", hint=f"There are: {', '.join(sorted(by_arm))}.")
    full = [name for name in by_arm if len(by_arm[name]) >= LEAST_UNITS]
    if control not in full or len(full) < 2:
        told = ", ".join(f"{name} {len(units)}" for name, units in by_arm.items())
        raise DataError(f"Nothing to compare: users by arm are {told}.", hint="The control and another arm need two.")
    wanted = dict(domain(config.domain)) if config.domain else {}
    wanted |= config.measures
    if not wanted:
        wanted = found_in(log.units)
    ratio = sample_ratio({name: len(units) for name, units in by_arm.items()}, shares)
    results = [_measured(name, one, log, by_arm, control, full, shares, config) for name, one in wanted.items()]
    return ExperimentReport(
        experiment=log.experiment,
        control=control,
        arms={name: len(units) for name, units in by_arm.items()},
        sample_ratio=ratio,
        accounts=log.accounts,
        measures=_corrected(results, config.level),
        level=config.level,
        notes=_notes(log, by_arm, ratio, results, assumed=config.shares is None),
    )


def _measured(
    name: str,
    measure: Measure,
    log: ExperimentLog,
    by_arm: Mapping[str, Sequence[Unit]],
    control: str,
    full: Sequence[str],
    shares: Mapping[str, float],
    config: AnalysisConfig,
) -> MeasureResult:
    """A measure; where it cannot be had, why."""
    missing_values, events = without_value(measure, [unit for arm in full for unit in by_arm[arm]])
    samples = {arm: sample(measure, by_arm[arm], ends_at=log.ends_at) for arm in full}
    values = {arm: float(s.y.sum() / s.x.sum()) for arm, s in samples.items() if s.x.sum() > 0}
    result = MeasureResult(measure=name, kind=measure.kind, better=measure.better, values=values, comparisons=())
    result = replace(result, without_value=missing_values)
    if missing_values and missing_values == events:
        return replace(result, values={}, note=f"None of {events:,} events has a value.")
    missing = [arm for arm in full if arm not in values]
    if control in missing or len(values) < 2:
        return replace(result, note=f"Nothing to divide by in: {', '.join(missing)}.")
    made = []
    for arm in values:
        if arm == control:
            continue
        ours, theirs = samples[control], samples[arm]
        effect = compare(ours, theirs, level=config.level)
        few = min(len(ours.y), len(theirs.y)) < FEW and not ((ours.x == 1).all() and (theirs.x == 1).all())
        rng = numpy_rng(config.seed, "bootstrap", name, arm)
        made.append(
            Compared(
                arm=arm,
                effect=effect,
                p_holm=None,
                verdict="not told apart",
                cuped=adjusted(ours, theirs, level=config.level),
                anytime=_anytime(by_arm, samples, control, arm, shares, config),
                bootstrap=bootstrap_interval(ours, theirs, rng=rng, level=config.level) if few else None,
                segments=segments(by_arm[control], by_arm[arm], ours, theirs, level=config.level),
                weighted=weighted(
                    by_arm[control],
                    by_arm[arm],
                    ours,
                    theirs,
                    share=shares[arm] / (shares[arm] + shares[control]),
                    arms=len(full),
                    level=config.level,
                    seed=config.seed,
                ),
                guardrail=_guard(measure, effect),
            )
        )
    return replace(result, comparisons=tuple(made))


def _anytime(
    by_arm: Mapping[str, Sequence[Unit]],
    samples: Mapping[str, Sample],
    control: str,
    arm: str,
    shares: Mapping[str, float],
    config: AnalysisConfig,
) -> AnytimeEffect | None:
    """Of both arms' users in the order of their exposure."""
    units = [*by_arm[control], *by_arm[arm]]
    if len(units) < LEAST:
        return None
    order = np.array(sorted(range(len(units)), key=lambda n: (units[n].exposed_at, units[n].user_id)))
    treated = (np.arange(len(units)) >= len(by_arm[control]))[order]
    y, x = (np.concatenate([getattr(samples[a], part) for a in (control, arm)])[order] for part in ("y", "x"))
    share = shares[arm] / (shares[arm] + shares[control])
    both = Sample(y=y, x=x, past=np.zeros_like(y))
    return anytime(both, treated, share=share, planned=config.planned, alpha=1 - config.level)


def _guard(measure: Measure, effect: Effect) -> Guard | None:
    if measure.margin is None:
        return None
    if effect.relative_interval is None:
        return "open"
    low, high = effect.relative_interval
    if measure.better == "lower":
        low, high = -high, -low
    return "kept" if low > -measure.margin else "broken" if high < -measure.margin else "open"


def _corrected(results: Sequence[MeasureResult], level: float) -> tuple[MeasureResult, ...]:
    """With Holm's p over all comparisons, and what follows from it."""
    tested = [one.effect.p for result in results for one in result.comparisons if one.effect.p is not None]
    corrected = iter(holm(np.array(tested)).tolist())
    made = []
    for result in results:
        comparisons = []
        for one in result.comparisons:
            p = next(corrected) if one.effect.p is not None else None
            verdict: Verdict = "not told apart"
            if p is not None and p < 1 - level:
                verdict = "better" if (one.effect.difference > 0) == (result.better == "higher") else "worse"
            comparisons.append(replace(one, p_holm=p, verdict=verdict))
        made.append(replace(result, comparisons=tuple(comparisons)))
    return tuple(made)


def _notes(
    log: ExperimentLog,
    by_arm: Mapping[str, Sequence[Unit]],
    ratio: Mismatch,
    results: Sequence[MeasureResult],
    *,
    assumed: bool,
) -> tuple[str, ...]:
    """What a reader must know before he believes a number."""
    accounts, notes = log.accounts, []
    if ratio.mismatch:
        notes.append(
            f"Sample ratio mismatch (p = {ratio.p:.1e}): arms did not get the users that their shares say. "
            "Something is broken, and the numbers below cannot be believed."
        )
    if assumed:
        notes.append("Equal shares were assumed; give the planned ones, or a missing arm goes unnoticed.")
    if propensities_differ(log.units):
        notes.append(
            "Users came to their arms with different probabilities: plain differences are of unlike users, and the "
            "sample ratio need not be kept. Believe the weighted effects."
        )
    for arm in (name for name, units in by_arm.items() if len(units) < LEAST_UNITS):
        notes.append(f"{arm} has {len(by_arm[arm])} users and was not compared.")
    if accounts.users_in_two_arms:
        notes.append(f"{accounts.users_in_two_arms} users were shown two arms, and are left out with all they did.")
    if lacking := {one.measure: one.without_value for one in results if one.without_value and not one.note}:
        told = ", ".join(f"{name} leaves out {n:,}" for name, n in lacking.items())
        notes.append(f"Events without a value have no part where values are added up: {told}.")
    if accounts.clock_went_back:
        notes.append(
            f"Time runs backwards {accounts.clock_went_back} times in the log, by {accounts.largest_jump_back:,.0f} s "
            "at most: either it is not in order, or a clock jumped, and what came before an exposure may be wrong."
        )
    if bad := accounts.left_out["bad_line"]:
        notes.append(f"{bad} lines could not be read; the first: {accounts.faults[0]}")
    return tuple(notes)
