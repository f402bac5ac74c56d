"""Estimators of a policy's value from a log of single choices, one class for each equation.

N rounds (x_n, a_n, r_n, p_n); target policy π; weights w_n = π(a_n|x_n) / p_n; a reward model q̂(x, a), and
q̂(x, π) = Σ_a π(a|x) q̂(x, a).
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.evaluation.off_policy.overlap import Overlap, overlap_of
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.terms import Terms
from penchant.evaluation.off_policy.tuning import Rule, choose, shrinkage_candidates, weight_candidates
from penchant.types import DoubleArray


class PlainConfig(Config):
    """No settings."""


class CutConfig(Config):
    """The one hyper-parameter of an estimator that alters weights."""

    cut: float | None = Field(default=None, ge=0, allow_inf_nan=True)
    """The largest weight that is left as it is. None: found by the rule among quantiles of the weights and no cut."""
    rule: Rule = "mse"


class UncutConfig(Config):
    """Weights as they are, unless a cut is given."""

    cut: float = Field(default=float("inf"), ge=0, allow_inf_nan=True)


class ShrinkageConfig(Config):
    """The one hyper-parameter of the optimistic shrinkage."""

    shrinkage: float | None = Field(default=None, ge=0, allow_inf_nan=True)
    """λ; None: found by the rule between DR (λ = ∞) and DM (λ = 0)."""
    rule: Rule = "mse"


class Estimator(ABC):
    """V(π) from a log."""

    name: ClassVar[str]
    uses_model: ClassVar[bool] = False
    """Whether a reward model's predictions are needed"""
    uses_weights: ClassVar[bool] = True
    """Whether importance weights are: without, there is nothing to tell that overlap is missing"""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or PlainConfig()

    @abstractmethod
    def terms(self, question: Question) -> Terms:
        """The rounds' parts of the estimate. `DataError` where the question lacks what the equation needs."""

    def overlap(self, question: Question) -> Overlap:
        """How far the log tells of the target by what the equation weighs: actions, unless an estimator says otherwise.
        Its support, effective sample size and hits decide whether there is an estimate. `DataError` as in `terms`.
        """
        return overlap_of(question)


class DirectMethod(Estimator):
    """DM: V̂ = (1/N) Σ_n q̂(x_n, π).

    Fails where the model is wrong about actions that the log rarely took; more data do not mend that, and the interval
    tells nothing of it. Source: Beygelzimer & Langford, "The offset tree for learning with partial labels", 2009.
    """

    name = "dm"
    uses_model = True
    uses_weights = False

    def terms(self, question: Question) -> Terms:
        """See `Estimator.terms`."""
        low, high = question.reward_range
        rounds = len(question.log)
        return Terms(
            base=question.predicted_target,
            numerator=np.zeros(rounds),
            denominator=np.ones(rounds),
            weights=np.ones(rounds),
            reach=high - low,
            biased=True,
        )


class InverseProbability(Estimator):
    """IPS: V̂ = (1/N) Σ_n min(w_n, c) r_n; c = ∞ leaves it unbiased.

    Fails where the log gave little probability to what the target does: few rounds carry the estimate. Where it gave
    none, that part of the value is missing. A cut c trades this variance for a bias towards zero reward.
    Source: Horvitz & Thompson, 1952; cut: Ionides, "Truncated importance sampling", 2008.
    """

    name = "ips"

    def __init__(self, config: UncutConfig | None = None) -> None:
        config = config or UncutConfig()
        super().__init__(config)
        self._cut = config.cut

    def terms(self, question: Question) -> Terms:
        """See `Estimator.terms`."""
        return cut_terms(question, self._cut)


class ClippedInverseProbability(Estimator):
    """Clipped IPS: V̂ = (1/N) Σ_n min(w_n, c) r_n with c found by a rule: see `InverseProbability`."""

    name = "clipped_ips"

    def __init__(self, config: CutConfig | None = None) -> None:
        config = config or CutConfig()
        super().__init__(config)
        self._cut, self._rule = config.cut, config.rule

    def terms(self, question: Question) -> Terms:
        """See `Estimator.terms`."""
        if self._cut is not None:
            return cut_terms(question, self._cut)
        tried = [cut_terms(question, cut) for cut in weight_candidates(question.weights)]
        return tried[choose(tried, self._rule, question.log.owners)]


def cut_terms(question: Question, cut: float) -> Terms:
    """m_n = min(w_n, c) r_n, d_n = 1."""
    weights = np.minimum(question.weights, cut)
    low, high = question.reward_range
    return Terms(
        base=np.zeros(len(weights)),
        numerator=weights * question.log.rewards,
        denominator=np.ones(len(weights)),
        weights=weights,
        reach=min(question.weight_bound, cut) * (max(high, 0.0) - min(low, 0.0)),
        biased=bool(cut < question.weights.max(initial=0.0)),
        settings={"cut": cut} if np.isfinite(cut) else {},
    )


class SelfNormalisedInverseProbability(Estimator):
    """SNIPS: V̂ = Σ_n w_n r_n / Σ_n w_n.

    Its bias falls as 1/N; it never leaves the range of the rewards, and adding a constant to all rewards adds it to
    the estimate. Fails as IPS does where few rounds carry the weight, and then looks more certain than it is.
    Source: Swaminathan & Joachims, "The self-normalized estimator for counterfactual learning", 2015.
    """

    name = "snips"

    def terms(self, question: Question) -> Terms:
        """See `Estimator.terms`."""
        low, high = question.reward_range
        return Terms(
            base=np.zeros(len(question.log)),
            numerator=question.weights * question.log.rewards,
            denominator=question.weights,
            weights=question.weights,
            reach=question.weight_bound * (high - low),
        )


def doubly_robust(question: Question, weights: DoubleArray, *, bound: float, normalised: bool = False) -> Terms:
    """b_n = q̂(x_n, π), m_n = w_n (r_n − q̂(x_n, a_n)), d_n = 1, or w_n where normalised."""
    low, high = question.reward_range
    low, high = min(low, float(question.model().min())), max(high, float(question.model().max()))
    return Terms(
        base=question.predicted_target,
        numerator=weights * (question.log.rewards - question.predicted_logged),
        denominator=weights if normalised else np.ones(len(weights)),
        weights=weights,
        reach=(2 * bound + 1) * (high - low),
    )


class DoublyRobust(Estimator):
    """DR: V̂ = (1/N) Σ_n [q̂(x_n, π) + w_n (r_n − q̂(x_n, a_n))].

    Unbiased where either propensities or model are right. Fails as IPS does where weights are large and the model is
    poor. Source: Dudík, Langford & Li, "Doubly robust policy evaluation and learning", 2011.
    """

    name = "dr"
    uses_model = True

    def terms(self, question: Question) -> Terms:
        """See `Estimator.terms`."""
        return doubly_robust(question, question.weights, bound=question.weight_bound)


class SelfNormalisedDoublyRobust(Estimator):
    """SNDR: V̂ = (1/N) Σ_n q̂(x_n, π) + Σ_n w_n (r_n − q̂(x_n, a_n)) / Σ_n w_n.

    As DR, with the correction kept within the range of the residuals. Source: Thomas & Brunskill, "Data-efficient
    off-policy policy evaluation", 2016 (weighted doubly robust, horizon 1).
    """

    name = "sndr"
    uses_model = True

    def terms(self, question: Question) -> Terms:
        """See `Estimator.terms`."""
        return doubly_robust(question, question.weights, bound=question.weight_bound, normalised=True)


class SwitchDoublyRobust(Estimator):
    """Switch-DR: V̂ = (1/N) Σ_n [q̂(x_n, π) + w_n 1(w_n ≤ τ) (r_n − q̂(x_n, a_n))].

    Where weights are above τ the model is trusted: biased there, by as much as the model is wrong. τ = 0 is DM, τ = ∞
    is DR. Source: Wang, Agarwal & Dudík, "Optimal and adaptive off-policy evaluation in contextual bandits", 2017.
    """

    name = "switch_dr"
    uses_model = True

    def __init__(self, config: CutConfig | None = None) -> None:
        config = config or CutConfig()
        super().__init__(config)
        self._cut, self._rule = config.cut, config.rule

    def terms(self, question: Question) -> Terms:
        """See `Estimator.terms`."""
        if self._cut is not None:
            return self._with(question, self._cut)
        tried = [self._with(question, cut) for cut in (*weight_candidates(question.weights), 0.0)]
        return tried[choose(tried, self._rule, question.log.owners)]

    @staticmethod
    def _with(question: Question, cut: float) -> Terms:
        weights = np.where(question.weights <= cut, question.weights, 0.0)
        found = doubly_robust(question, weights, bound=min(question.weight_bound, cut))
        return _altered(found, {"cut": cut}, biased=bool(cut < question.weights.max(initial=0.0)))


class ShrunkDoublyRobust(Estimator):
    """DR with optimistic shrinkage (DRos): DR with weights ŵ_n = λ w_n / (w_n² + λ), λ ≥ 0.

    ŵ minimises a bound on the mean squared error that is optimistic about the model; λ = ∞ is DR, λ = 0 is DM. Biased
    for any λ below ∞, by as much as the model is wrong where weights are large. Source: Su, Dimakopoulou,
    Krishnamurthy & Dudík, "Doubly robust off-policy evaluation with shrinkage", 2020.
    """

    name = "dr_os"
    uses_model = True

    def __init__(self, config: ShrinkageConfig | None = None) -> None:
        config = config or ShrinkageConfig()
        super().__init__(config)
        self._shrinkage, self._rule = config.shrinkage, config.rule

    def terms(self, question: Question) -> Terms:
        """See `Estimator.terms`."""
        if self._shrinkage is not None:
            return self.shrunk(question, self._shrinkage)
        tried = [self.shrunk(question, shrinkage) for shrinkage in shrinkage_candidates(question.weights)]
        return tried[choose(tried, self._rule, question.log.owners)]

    @staticmethod
    def shrunk(question: Question, shrinkage: float) -> Terms:
        """DRos with a given λ."""
        weights, bound = question.weights, question.weight_bound
        if np.isfinite(shrinkage):
            weights = shrinkage * weights / (weights**2 + shrinkage) if shrinkage else np.zeros(len(weights))
            bound = min(bound, np.sqrt(shrinkage) / 2)  # the largest λ w / (w² + λ) is at w = √λ
        found = doubly_robust(question, weights, bound=bound)
        return _altered(found, {"shrinkage": shrinkage}, biased=bool(np.isfinite(shrinkage)))


def _altered(found: Terms, settings: dict[str, float], *, biased: bool) -> Terms:
    return Terms(
        base=found.base,
        numerator=found.numerator,
        denominator=found.denominator,
        weights=found.weights,
        reach=found.reach,
        biased=biased,
        settings=settings,
    )
