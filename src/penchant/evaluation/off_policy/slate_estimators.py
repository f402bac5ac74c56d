"""Estimators of a policy's value from a log of slates, one class for each equation.

N slates a_{n,1} … a_{n,K} with a reward r_{n,k} for each place; V = E[Σ_k r_k]. What differs is on which places a
reward may depend: the fewer, the smaller the variance, and the bias where the assumption does not hold.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from penchant.config import Config
from penchant.errors import DataError
from penchant.evaluation.off_policy.estimates import (
    Estimate,
    EstimateConfig,
    read_terms,
    refusal,
)
from penchant.evaluation.off_policy.overlap import missing_share, weight_overlap
from penchant.evaluation.off_policy.slates import SlateQuestion, weighed
from penchant.evaluation.off_policy.terms import Terms
from penchant.registry import Registry
from penchant.types import DoubleArray


class SlateConfig(Config):
    """No settings."""


class SlateEstimator(ABC):
    """V(π) from a log of slates."""

    name: ClassVar[str]
    uses_model: ClassVar[bool] = False

    def __init__(self, config: SlateConfig | None = None) -> None:
        self.config = config or SlateConfig()

    @abstractmethod
    def weights(self, question: SlateQuestion) -> DoubleArray:
        """(N, K) the weight of each place's reward. `DataError` where the question lacks what it needs."""

    def terms(self, question: SlateQuestion) -> Terms:
        """V̂ = (1/N) Σ_n Σ_k w_{n,k} r_{n,k}."""
        weights = self.weights(question)
        low, high = question.reward_range
        return Terms(
            base=np.zeros(len(weights)),
            numerator=(weights * question.log.rewards).sum(axis=1),
            denominator=np.ones(len(weights)),
            weights=scarcest(weights),
            reach=float(weights.sum(axis=1).max()) * (max(high, 0.0) - min(low, 0.0)),
        )


class SlateStandard(SlateEstimator):
    """Standard IPS: w_k = π(a_1 … a_K) / π_0(a_1 … a_K) for every place.

    Assumes nothing of how rewards depend on places. Its variance grows exponentially with K: for K above two or three
    it needs policies that are close. Source: Precup, Sutton & Singh, 2000.
    """

    name = "slate_ips"

    def weights(self, question: SlateQuestion) -> DoubleArray:
        """See `SlateEstimator.weights`."""
        whole = question.prefix_weights[:, -1:]
        return np.asarray(np.broadcast_to(whole, question.log.rewards.shape))


class SlateIndependent(SlateEstimator):
    """Independent IPS: w_k = P_π(a_k at k) / P_{π_0}(a_k at k).

    Assumes that a place's reward depends on its own item only (additive rewards, item-position click model). Biased
    where users compare: an item that is clicked less beside a better one. Needs slot marginals of both policies,
    which place-by-place propensities are not. Source: Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay & Wen, "Offline
    evaluation of ranking policies with click models", 2018.
    """

    name = "independent_ips"

    def weights(self, question: SlateQuestion) -> DoubleArray:
        """See `SlateEstimator.weights`."""
        if question.marginals is None or question.log.marginals is None:
            whose = "the target" if question.marginals is None else "the logging"
            raise DataError(
                f"independent_ips needs the slot marginals of {whose} policy.",
                hint="Name the policy that logged, or use reward_interaction_ips.",
            )
        served = question.log.marginals
        unlikely = int((~(served > 0)).any(axis=1).sum())
        if unlikely:
            raise DataError(
                f"independent_ips needs slot marginals above 0 of what was served; in {unlikely} of {len(served)} "
                "slates the logging policy's draws never came to it.",
                hint="Ask for more draws, or use reward_interaction_ips.",
            )
        return np.asarray(question.marginals / served)


class SlateRewardInteraction(SlateEstimator):
    """Reward-interaction IPS: w_k = π(a_1 … a_k) / π_0(a_1 … a_k), from prefix products.

    Assumes the cascade: a place's reward depends on it and on places above, as where users read from the top. As
    per-decision importance sampling it is also right for sessions, where places are moments. Source: McInerney, Brost,
    Chandar, Mehrotra & Carterette, "Counterfactual evaluation of slate recommendations with sequential reward
    interactions", 2020.
    """

    name = "reward_interaction_ips"

    def weights(self, question: SlateQuestion) -> DoubleArray:
        """See `SlateEstimator.weights`."""
        return question.prefix_weights


class SlateCascadeDoublyRobust(SlateEstimator):
    """Cascade DR, with Q̂_k what a model foresees from place k on:

        V̂ = (1/N) Σ_n Σ_k [ w_{1:k} (r_k − Q̂_k(x, a_1 … a_k)) + w_{1:k−1} Σ_a π(a | a_1 … a_{k−1}) Q̂_k(x, …, a) ]

    Assumes the cascade. Unbiased whatever Q̂, with less variance than reward-interaction IPS where Q̂ is any good. Fails
    as that one does where prefix weights are large and Q̂ is poor. Source: Kiyohara, Saito, Matsuhiro, Narita, Shimizu &
    Yamamoto, "Doubly robust off-policy evaluation for ranking policies under the cascade behavior model", 2022.
    """

    name = "cascade_dr"
    uses_model = True

    def weights(self, question: SlateQuestion) -> DoubleArray:
        """See `SlateEstimator.weights`."""
        return question.prefix_weights

    def terms(self, question: SlateQuestion) -> Terms:
        """See above."""
        predicted, expected = question.predicted, question.expected
        if predicted is None or expected is None:
            raise DataError(
                "cascade_dr needs a reward model's predictions of every place.",
                hint="Give them, or use reward_interaction_ips.",
            )
        weights = self.weights(question)
        before = np.concatenate([np.ones((len(weights), 1)), question.log.prefixes[:, :-1]], axis=1)
        base = weighed(expected, before).sum(axis=1)
        numerator = (weights * (question.log.rewards - predicted)).sum(axis=1)
        low, high = question.reward_range
        spread = (high - low) + float(np.ptp(predicted))
        return Terms(
            base=base,
            numerator=numerator,
            denominator=np.ones(len(weights)),
            weights=scarcest(weights),
            reach=2 * float(weights.sum(axis=1).max() + 1) * spread,
        )


SLATE_ESTIMATORS: Registry[SlateEstimator] = Registry("slate estimator")
SLATE_ESTIMATORS.register("slate_ips", config=SlateConfig, cls=SlateStandard, summary="whole slates; assumes nothing")
SLATE_ESTIMATORS.register(
    "independent_ips", config=SlateConfig, cls=SlateIndependent, summary="each place alone, from slot marginals"
)
SLATE_ESTIMATORS.register(
    "reward_interaction_ips", config=SlateConfig, cls=SlateRewardInteraction, summary="cascade, from prefix products"
)
SLATE_ESTIMATORS.register(
    "cascade_dr", config=SlateConfig, cls=SlateCascadeDoublyRobust, summary="cascade, with a reward model"
)
CHOICE = ("cascade_dr", "reward_interaction_ips")
"""The rule: cascade DR where there is a reward model, else reward-interaction IPS. Propensities are logged place by
place, so that the cascade's weights are exact; estimators that assume more would need marginals, those that assume less
have weights that are no smaller anywhere."""


def scarcest(weights_NK: DoubleArray) -> DoubleArray:
    """(N,) the weights of the place whose effective sample size is the smallest."""
    sums, squares = weights_NK.sum(axis=0), (weights_NK**2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(squares > 0, sums**2 / squares, 0.0)
    return np.asarray(weights_NK[:, int(np.argmin(effective))], dtype=np.float64)


def estimate_slates(
    question: SlateQuestion, estimator: SlateEstimator, config: EstimateConfig | None = None
) -> Estimate:
    """The estimate of one estimator, or why there is none. What the question itself lacks is a `DataError`.

    What share of the target lies where the log never goes is not in a log of slates; by how much the mean weight is
    below 1, beyond three standard errors, stands in for it as a lower bound.
    """
    config = config or EstimateConfig()
    weights = scarcest(estimator.weights(question))
    overlap = weight_overlap(weights, unsupported=missing_share(weights), exact=False)
    reason = refusal(overlap, config, uses_weights=True)
    if reason:
        return Estimate(
            estimator=estimator.name,
            value=None,
            refused=reason,
            overlap=overlap,
            rounds=len(question.log),
            level=config.level,
        )
    low, high = question.reward_range
    places = question.log.rewards.shape[1]
    return read_terms(
        estimator.name,
        estimator.terms(question),
        overlap,
        config,
        rewards=(low * places, high * places),
        owners=question.log.owners,
        notes=("bernstein: the largest weight seen stands in for the largest that may come",),
    )
