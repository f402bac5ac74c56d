"""Which estimator to believe, by a rule that is stated beforehand and never sees the truth.

1. **Reward model**: of those offered, the one with the smallest Σ w² (r − q̂)² / Σ w² on rounds that it was not fitted
   on: what is left of it is the variance of the doubly robust estimate.
2. **Estimator**: DR and SNDR have the same bias but for 1/N; of them, the one with the smaller standard error, SNDR
   where both are within a hundredth. From there down the optimistic shrinkage to DM, to where the bound on the mean
   squared error is smallest (`penchant.evaluation.off_policy.tuning`, mse). Where that is no shrinkage at all, the
   choice is the unbiased estimator itself.
3. **Intervals** are those of the unbiased estimator, made to hold the value: a shrunk estimate's own interval would
   leave out its bias.

Without predictions SNIPS is taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from penchant.errors import ConfigError
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.evaluation.off_policy.estimates import Estimate, EstimateConfig, read_terms, refusal
from penchant.evaluation.off_policy.estimators import (
    DoublyRobust,
    SelfNormalisedDoublyRobust,
    SelfNormalisedInverseProbability,
    ShrunkDoublyRobust,
)
from penchant.evaluation.off_policy.overlap import overlap_of
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.reward_models import REWARD_MODELS, cross_fit, out_of_fold_error
from penchant.evaluation.off_policy.terms import Terms
from penchant.evaluation.off_policy.tuning import mse, shrinkage_candidates
from penchant.types import DoubleArray

NAME = "chosen"
RULE = (
    "the reward model with the smallest weighted error out of fold; the less variable of DR and SNDR; shrunk as far as "
    "the bound on its mean squared error falls"
)
_CLOSE = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Which reward model foresees best what a doubly robust estimate needs."""

    model: str
    predicted: DoubleArray
    """(N, A)"""
    errors: Mapping[str, float]
    """Weighted squared error out of fold of each model tried"""


def choose_model(
    log: LoggedBandit,
    target: DoubleArray,
    models: tuple[str, ...] = ("ridge", "logistic", "mean"),
    *,
    settings: Mapping[str, Mapping[str, object]] | None = None,
    folds: int = 3,
    seed: int = 0,
) -> ModelChoice:
    """Fit each model and keep the best. `logistic` is left out where rewards have more than two values."""
    weights = Question(log=log, target=target).weights
    tried: dict[str, tuple[float, DoubleArray]] = {}
    for name in models:
        if name == "logistic" and len(np.unique(log.rewards)) > 2:
            continue
        predicted = cross_fit(log, REWARD_MODELS.build(name, (settings or {}).get(name)), folds=folds, seed=seed)
        tried[name] = (out_of_fold_error(log, predicted, weights), predicted)
    if not tried:
        raise ConfigError(
            f"None of the reward models {', '.join(models)} fits rewards of more than two values.",
            hint=f"There are: {', '.join(REWARD_MODELS)}.",
        )
    best = min(tried, key=lambda name: tried[name][0])
    return ModelChoice(model=best, predicted=tried[best][1], errors={name: error for name, (error, _) in tried.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the rule took."""

    name: str
    terms: Terms
    unbiased: Terms
    """What the rule began with"""


def choose_terms(question: Question) -> Chosen:
    """Apply the rule."""
    if question.predicted is None:
        terms = SelfNormalisedInverseProbability().terms(question)
        return Chosen(name=SelfNormalisedInverseProbability.name, terms=terms, unbiased=terms)
    owners = question.log.owners
    plain, normalised = DoublyRobust().terms(question), SelfNormalisedDoublyRobust().terms(question)
    use_plain = plain.standard_error(owners) * _CLOSE <= normalised.standard_error(owners)
    name, first = (DoublyRobust.name, plain) if use_plain else (SelfNormalisedDoublyRobust.name, normalised)
    path = [shrinkage for shrinkage in shrinkage_candidates(question.weights) if np.isfinite(shrinkage)]
    tried = [first, *(ShrunkDoublyRobust.shrunk(question, shrinkage) for shrinkage in path)]
    place = mse(tried, owners)
    return Chosen(name=name if place == 0 else ShrunkDoublyRobust.name, terms=tried[place], unbiased=first)


def chosen_estimate(question: Question, config: EstimateConfig | None = None) -> Estimate:
    """The estimate by the rule; its notes say which estimator that was."""
    config = config or EstimateConfig()
    overlap = overlap_of(question)
    reason = refusal(overlap, config, uses_weights=True)
    if reason:
        return Estimate(
            estimator=NAME, value=None, refused=reason, overlap=overlap, rounds=len(question.log), level=config.level
        )
    chosen = choose_terms(question)
    found = read_terms(
        NAME, chosen.unbiased, overlap, config, rewards=question.reward_range, owners=question.log.owners
    )
    value = chosen.terms.value
    intervals = {name: (min(low, value), max(high, value)) for name, (low, high) in found.intervals.items()}
    return replace(
        found, value=value, intervals=intervals, settings=chosen.terms.settings, notes=(f"by rule: {chosen.name}",)
    )
