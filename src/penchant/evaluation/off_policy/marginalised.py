"""MIPS: weights of concepts instead of actions."""

import numpy as np

from penchant.errors import DataError
from penchant.evaluation.off_policy.estimators import Estimator
from penchant.evaluation.off_policy.overlap import Overlap, unsupported_share, weight_overlap
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.terms import Terms
from penchant.types import DoubleArray, IntArray


class MarginalisedInverseProbability(Estimator):
    """MIPS: V̂ = (1/N) Σ_n w(x_n, c_n) r_n, w(x, c) = π(c|x) / π_0(c|x), π(c|x) = Σ_{a: c(a) = c} π(a|x).

    States that items act through their concept only: E[r | x, a] is the same for all a of one concept. Then it is
    unbiased, with a variance that does not grow with the number of items; actions that the log never took are covered
    by others of their concept. It fails by as much as items of one concept differ, weighted by how differently the two
    policies choose within it. `residual` in the settings is the share of what sets items apart that their concepts
    do not explain (see `residual_share`): 0, the statement holds; 1, concepts say nothing, use IPS.
    Overlap is that of concepts, too: see `overlap`.
    Source: Saito & Joachims, "Off-policy evaluation for large action spaces via embeddings", 2022.
    """

    name = "mips"

    def terms(self, question: Question) -> Terms:
        """See `Estimator.terms`."""
        log, (concepts, logging) = question.log, _known(question)
        weights = concept_weights(question.target, logging, concepts, log.actions)
        low, high = question.reward_range
        bound = float(max(weights.max(), question.weight_bound))
        taken = log.actions if question.items is None else _of_logged(question.items, log.actions)
        residual = residual_share(log.rewards, taken, _of_logged(concepts, log.actions))
        return Terms(
            base=np.zeros(len(log)),
            numerator=weights * log.rewards,
            denominator=np.ones(len(log)),
            weights=weights,
            reach=bound * (max(high, 0.0) - min(low, 0.0)),
            settings={"residual": residual},
            assumes=_assumption(residual),
        )

    def overlap(self, question: Question) -> Overlap:
        """Of concepts: π(c|x) where π_0(c|x) = 0 is unsupported, and the weights are w(x, c)."""
        concepts, logging = _known(question)
        own = np.broadcast_to(concepts, question.target.shape)
        return weight_overlap(
            concept_weights(question.target, logging, concepts, question.log.actions),
            unsupported=unsupported_share(question.target, concept_chances(logging, own)),
            exact=True,
            of="concepts",
        )


def concept_chances(chances_NA: DoubleArray, concepts_NA: IntArray) -> DoubleArray:
    """(N, A) the probability of each action's concept in its round: Σ_{b: c(b) = c(a)} p(b|x)."""
    codes = np.unique(concepts_NA, return_inverse=True)[1].reshape(concepts_NA.shape)
    found = np.empty(chances_NA.shape)
    for n, (row, chances) in enumerate(zip(codes, chances_NA, strict=True)):
        found[n] = np.bincount(row, weights=chances)[row]
    return found


def concept_weights(
    target_NA: DoubleArray, logging_NA: DoubleArray, concepts: IntArray, actions: IntArray
) -> DoubleArray:
    """w(x_n, c(a_n)), (N,)."""
    taken = _of_logged(concepts, actions)
    same = np.broadcast_to(concepts, target_NA.shape) == taken[:, None]
    return np.asarray((target_NA * same).sum(axis=1) / (logging_NA * same).sum(axis=1), dtype=np.float64)


def residual_share(rewards: DoubleArray, actions: IntArray, concepts: IntArray) -> float:
    """Variance of items' mean rewards within their concept, over their variance at all, in [0, 1]; NaN where items do
    not differ, or none was taken twice.

    Both are components of variance: the spread of means less what noise alone would give (one-way analysis of variance,
    by method of moments, items weighted by how often they were taken).
    """
    items, place = np.unique(actions, return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    means = np.bincount(place, weights=rewards) / counts
    free = len(rewards) - len(items)
    if free <= 0:
        return float("nan")
    noise = float(((rewards - means[place]) ** 2).sum()) / free
    concept_of_item = np.zeros(len(items), dtype=np.int64)
    concept_of_item[place] = np.unique(concepts, return_inverse=True)[1]
    within = _component(means, counts, concept_of_item, noise)
    whole = _component(means, counts, np.zeros(len(items), dtype=np.int64), noise)
    return float(min(within / whole, 1.0)) if whole > 0 else float("nan")


def _component(means: DoubleArray, counts: DoubleArray, groups: IntArray, noise: float) -> float:
    """Variance of items' true means around their group's, not below 0."""
    sizes = np.bincount(groups, weights=counts)
    centres = np.bincount(groups, weights=counts * means) / sizes
    squares = float((counts * (means - centres[groups]) ** 2).sum())
    degrees = len(means) - len(sizes)
    scale = float(counts.sum() - (np.bincount(groups, weights=counts**2) / sizes).sum())
    return max(squares - degrees * noise, 0.0) / scale if scale > 0 else 0.0


def _known(question: Question) -> tuple[IntArray, DoubleArray]:
    """Concepts and the logging distribution; `DataError` where one is lacking."""
    concepts, logging = question.concepts, question.log.logging
    if concepts is None or logging is None:
        lack = "which concept each action has" if concepts is None else "the logging distribution of all actions"
        raise DataError(f"mips needs to know {lack}.", hint="Give it, or use dr or snips.")
    return concepts, logging


def _assumption(residual: float) -> str:
    said = (
        "how far that holds is not known, as items do not differ or none was taken twice"
        if np.isnan(residual)
        else f"{residual:.0%} of what sets items apart is not explained by their concepts"
    )
    return f"items act through their concept alone: {said}"


def _of_logged(concepts: IntArray, actions: IntArray) -> IntArray:
    if concepts.ndim == 1:
        return np.asarray(concepts[actions], dtype=np.int64)
    return np.asarray(concepts[np.arange(len(actions)), actions], dtype=np.int64)
