"""A feedback log, a policy, and everything that can be said of what it would have earned."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from penchant.errors import ConfigError, DataError
from penchant.evaluation.off_policy.admission import Admission
from penchant.evaluation.off_policy.catalogue import ESTIMATORS
from penchant.evaluation.off_policy.decisions import (
    concept_question,
    first_place,
    first_places,
    logged_slates,
    slate_question,
    version_of,
)
from penchant.evaluation.off_policy.estimates import Estimate, EstimateConfig, estimate, read_terms
from penchant.evaluation.off_policy.logged_dial import LoggedDial, LoggedDialConfig
from penchant.evaluation.off_policy.marginalised import MarginalisedInverseProbability
from penchant.evaluation.off_policy.overlap import weight_overlap
from penchant.evaluation.off_policy.replaying import Asked, FromLog, ReplayConfig, Replayed, answerable, replay
from penchant.evaluation.off_policy.selection import NAME, RULE, choose_model, chosen_estimate
from penchant.evaluation.off_policy.slate_estimators import CHOICE, SLATE_ESTIMATORS, estimate_slates
from penchant.evaluation.off_policy.slates import LoggedSlates, SlateQuestion
from penchant.evaluation.off_policy.terms import Terms
from penchant.exploration.policies.catalogue import POLICIES
from penchant.feedback.attribution import Rewarded
from penchant.types import DoubleArray

UNIFORM, DIAL = "uniform", "dial"
GAIN = "gain"
RULES = {
    "all places": "cascade_dr where a reward model can be fitted, else reward_interaction_ips",
    "first place": RULE,
}
MIPS = MarginalisedInverseProbability.name
FIRST_PLACE = (*ESTIMATORS, NAME)
ALL_PLACES = tuple(SLATE_ESTIMATORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValue:
    """What a policy would have earned, by every estimator asked."""

    policy: str
    settings: Mapping[str, Any]
    logged_by: Mapping[str, int]
    """Policy versions that decided → decisions"""
    admission: Admission
    left_out: Mapping[str, int]
    """Decisions that a policy asked about could not be put to, by reason: see `LoggedDial.lacks`"""
    users: int
    places: int
    logged: Estimate
    """What was earned, all places of a slate added up"""
    all_places: tuple[Estimate, ...]
    """Of the same quantity under the policy"""
    chosen: str
    """Which of `all_places` is to be believed, by the rule"""
    gain: Estimate
    """The policy's value less what was earned, by the chosen estimator, round by round"""
    first_place: tuple[Estimate, ...]
    """Of the reward of the first place alone, as a single choice"""
    first_logged: Estimate
    rules: Mapping[str, str] = field(default_factory=dict)
    monte_carlo_error: float = 0.0
    """Of the policy's probability of a whole slate, root mean square; 0 where it is exact"""
    weights: tuple[float, ...] = ()
    """The chosen estimator's weights, largest first, for drawing"""


def target_policy(name: str, settings: Mapping[str, Any] | None = None) -> Asked:
    """A policy by name; ``uniform`` takes every eligible item with the same probability, and ``dial`` is the one that
    served, read from the log.
    """
    if name == DIAL:
        return LoggedDial(LoggedDialConfig.of(settings or {}, where=DIAL))
    if name == UNIFORM:
        if settings:
            raise ConfigError(f"{UNIFORM} has no settings; {', '.join(settings)} came.", hint="Leave them out.")
        return POLICIES.build("epsilon_greedy", {"epsilon": 1.0})
    return POLICIES.build(name, settings)


def split_estimators(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of estimators of all places, and of the first place. `ConfigError` for one that is not there."""
    unknown = [name for name in names if name not in {*ALL_PLACES, *FIRST_PLACE}]
    if unknown:
        raise ConfigError(
            f"There is no estimator {unknown[0]!r} of decisions.",
            hint=f"There are: {', '.join((*ALL_PLACES, *FIRST_PLACE))}.",
        )
    return tuple(n for n in names if n in ALL_PLACES), tuple(n for n in names if n in FIRST_PLACE)


def evaluate_policy(
    rewarded: Sequence[Rewarded],
    policy: Asked,
    *,
    name: str,
    settings: Mapping[str, Any] | None = None,
    estimators: Sequence[str] = (*ALL_PLACES, *FIRST_PLACE),
    logging_policy: Asked | None = None,
    concepts: Mapping[str, str] | None = None,
    version: str | None = None,
    config: EstimateConfig | None = None,
    asking: ReplayConfig | None = None,
) -> PolicyValue:
    """Ask every estimator. One that lacks what it needs is refused with the reason, like one without overlap.
    `concepts` is the main concept of items by id, for MIPS, which needs the logging policy as well.
    Decisions of which a policy cannot be asked are left out of all of it, what was earned included, and counted.

    Raises `DataError` where no decision can be used.
    """
    config, asking = config or EstimateConfig(), asking or ReplayConfig()
    slate_names, first_names = split_estimators(estimators)
    servers = ", ".join(sorted({one.decision.policy for one in rewarded}))
    rewarded, left_out = answerable(rewarded, policy, *([] if logging_policy is None else [logging_policy]))
    if left_out and not rewarded:
        told = ", ".join(f"{reason.replace('_', ' ')}: {count:,}" for reason, count in left_out.items())
        raise DataError(
            f"{name} can be asked of no decision of this log, served by {servers} ({told}).",
            hint="Its decisions must have looked around: serve a share above 0 with `--explore`, or `[exploration]`."
            if isinstance(policy, FromLog)
            else "Name the policy that served, with its settings where the log does not tell them.",
        )
    log = logged_slates(rewarded, logging_policy=logging_policy, version=version, config=asking)
    question, asked = slate_question(log, rewarded, policy, config=asking, with_marginals=logging_policy is not None)
    wanted = CHOICE[0] if question.predicted is not None else CHOICE[1]
    slates = {one: _slate_estimate(question, one, config) for one in dict.fromkeys((*slate_names, wanted))}
    kept = [rewarded[n] for n in log.rounds.tolist()]
    weights = np.sort(question.prefix_weights[:, -1])[::-1]
    first = list(_first(rewarded, log, asked, [one for one in first_names if one != MIPS], config))
    if MIPS in first_names:
        served = None if logging_policy is None or concepts is None else replay(kept, logging_policy, asking)
        first.append(_by_concepts(rewarded, log, asked, served, concepts, config))
    return PolicyValue(
        policy=name,
        settings=dict(settings or {}),
        logged_by=dict(Counter(map(version_of, kept))),
        admission=log.admission,
        left_out=left_out,
        users=len({one.decision.user_id for one in kept}),
        places=log.rewards.shape[1],
        logged=_mean("logged", log.rewards.sum(axis=1), log, config),
        all_places=tuple(slates.values()),
        chosen=wanted,
        gain=_gain(question, slates[wanted], config),
        first_place=tuple(first),
        first_logged=_mean("logged", log.rewards[:, 0], log, config),
        rules=RULES,
        monte_carlo_error=asked.error,
        weights=tuple(float(weight) for weight in weights),
    )


def _slate_estimate(question: SlateQuestion, name: str, config: EstimateConfig) -> Estimate:
    try:
        return estimate_slates(question, SLATE_ESTIMATORS.build(name), config)
    except DataError as lack:
        return Estimate(estimator=name, value=None, refused=lack.message, rounds=len(question.log), level=config.level)


def _first(
    rewarded: Sequence[Rewarded], log: LoggedSlates, asked: Replayed, names: Sequence[str], config: EstimateConfig
) -> tuple[Estimate, ...]:
    """Estimates of the first place; those with a reward model share one, taken by the rule."""
    if not names:
        return ()
    bare = first_place(rewarded, log, asked)
    question, why = bare, ""
    try:
        bandit = first_places(rewarded, log)
        model = choose_model(bandit, asked.first, seed=config.seed)
        question = replace(bare, predicted=model.predicted)
    except DataError as lack:
        why = lack.message
    found = []
    for name in names:
        if name == NAME:
            found.append(chosen_estimate(question, config))
            continue
        estimator = ESTIMATORS.build(name)
        if estimator.uses_model and question.predicted is None:
            reason = f"no reward model: {why}"
            found.append(Estimate(estimator=name, value=None, refused=reason, rounds=len(log), level=config.level))
            continue
        found.append(estimate(question, estimator, config))
    return tuple(found)


def _by_concepts(
    rewarded: Sequence[Rewarded],
    log: LoggedSlates,
    asked: Replayed,
    served: Replayed | None,
    concepts: Mapping[str, str] | None,
    config: EstimateConfig,
) -> Estimate:
    try:
        question = concept_question(rewarded, log, asked, served, concepts)
    except DataError as lack:
        reason = " ".join(filter(None, (lack.message, lack.hint)))
        return Estimate(estimator=MIPS, value=None, refused=reason, rounds=len(log), level=config.level)
    found = estimate(question, ESTIMATORS.build(MIPS), config)
    if served is not None and served.error > 0:
        found = replace(found, notes=(*found.notes, "the logging policy's probabilities are means over its draws"))
    return found


def _gain(question: SlateQuestion, chosen: Estimate, config: EstimateConfig) -> Estimate:
    if chosen.value is None or chosen.overlap is None:
        return replace(chosen, estimator=GAIN)
    terms = SLATE_ESTIMATORS.build(chosen.estimator).terms(question)
    earned = question.log.rewards.sum(axis=1)
    spread = float(np.ptp(earned))
    less = replace(terms, base=terms.base - earned, reach=terms.reach + spread)
    low, high = question.reward_range
    places = question.log.rewards.shape[1]
    return read_terms(
        GAIN,
        less,
        chosen.overlap,
        config,
        rewards=((low - high) * places, (high - low) * places),
        owners=question.log.owners,
        notes=(f"by {chosen.estimator}",),
    )


def _mean(name: str, values: DoubleArray, log: LoggedSlates, config: EstimateConfig) -> Estimate:
    ones = np.ones(len(values))
    low, high = float(values.min()), float(values.max())
    terms = Terms(base=np.zeros(len(values)), numerator=values, denominator=ones, weights=ones, reach=high - low)
    overlap = weight_overlap(ones, unsupported=0.0, exact=True)
    return read_terms(name, terms, overlap, config, rewards=(low, high), owners=log.owners)
