"""Ranking metrics, all computed from one thing: the rank of each target among the candidates.

Ranks are 0-based and packed like `Cases.target_items`: case b owns ``ranks[indptr[b]:indptr[b+1]]``, never empty and
without repeated targets. Every function gives one value for each case, (B,) float64 in [0, 1]; the metric is their
mean. The definitions are those of trec_eval (binary relevance), T targets and n hits among the first k:

* precision ``n / k`` · recall ``n / T`` · F1 ``2PR / (P + R)``, 0 where both are 0
* hit rate 1 where n > 0 · reciprocal rank ``1 / (1 + best rank)``, 0 where it is k or beyond
* NDCG ``Σ_hits 1/log2(rank + 2)  /  Σ_{j < min(k, T)} 1/log2(j + 2)``: divided by what can be reached with T targets
* average precision ``(1/T) Σ_hits (hits up to here) / (1 + rank)``: divided by T, not by min(k, T)
* AUC: the share of (target, other candidate) pairs in the right order; it needs the number of candidates

A target outside the candidates, or absent from somebody's list, has rank `UNRANKED`, which is never a hit.
"""

from collections.abc import Sequence

import numpy as np

from penchant.data.histories import Cases
from penchant.errors import ConfigError, TrainingError
from penchant.types import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray, RowArray

UNRANKED = int(np.iinfo(np.int64).max // 2)
"""The rank of a target that is not in the list."""

PER_CASE = ("hit_rate", "precision", "recall", "f1", "ndcg", "map", "mrr")
"""Metrics with a value for each case and each k, in the order in which tables show them."""


def target_ranks(scores_BI: FloatArray, cases: Cases, *, ties: RowArray, exclude_history: bool) -> IntArray:
    """The rank of each packed target among the candidates: 0 is the best.

    All items are candidates; with `exclude_history` those of the case's history are not, its targets excepted. Equal
    scores are ordered by `ties` (I,), so the rank is ``#{candidates above} + #{candidates level with a lower tie}``.
    Scores that are not finite raise `TrainingError`: a NaN would rank anywhere.
    """
    if not np.isfinite(scores_BI).all():
        raise TrainingError(
            "A model gave scores that are not finite.", hint="Lower its learning rate, or look for NaN in its inputs."
        )
    return ranks_among(mask_history(scores_BI, cases) if exclude_history else scores_BI, cases, ties=ties)


def ranks_among(scores_BI: FloatArray, cases: Cases, *, ties: RowArray) -> IntArray:
    """`target_ranks` where items that are no candidates have −inf already."""
    case_of = np.repeat(np.arange(len(cases)), np.diff(cases.target_indptr))
    place = np.arange(len(case_of)) - cases.target_indptr[case_of]
    ranks = np.empty(len(case_of), dtype=np.int64)
    for j in range(int(place.max(initial=-1)) + 1):  # the j-th target of every case that has one
        packed = np.flatnonzero(place == j)
        rows, items = case_of[packed], cases.target_items[packed]
        candidates = scores_BI if len(rows) == len(scores_BI) else scores_BI[rows]
        own = scores_BI[rows, items][:, None]
        above = np.count_nonzero(candidates > own, axis=1)
        level = np.count_nonzero(candidates >= own, axis=1) - above
        for t in np.flatnonzero(level > 1):
            tied = candidates[t] == own[t]
            above[t] += np.count_nonzero(ties[tied] < ties[items[t]])
        ranks[packed] = above
    return ranks


def mask_history(scores_BI: FloatArray, cases: Cases) -> FloatArray:
    """A copy of the scores, (B, I), with −inf at each case's history items that are not its targets."""
    masked = scores_BI.copy()
    histories = cases.histories
    masked[np.repeat(np.arange(len(cases)), histories.lengths), histories.items] = -np.inf
    rows = np.repeat(np.arange(len(cases)), np.diff(cases.target_indptr))
    masked[rows, cases.target_items] = scores_BI[rows, cases.target_items]
    return masked


def candidate_counts(cases: Cases, n_items: int, *, exclude_history: bool) -> IntArray:
    """(B,) how many items each case ranks: all, less its distinct history items that are not targets by option."""
    counts = np.full(len(cases), n_items, dtype=np.int64)
    if exclude_history:
        rows = np.arange(len(cases))
        seen = np.unique(np.repeat(rows, cases.histories.lengths) * n_items + cases.histories.items)
        targets = np.repeat(rows, np.diff(cases.target_indptr)) * n_items + cases.target_items
        counts -= np.bincount(np.setdiff1d(seen, targets) // n_items, minlength=len(cases))
    return counts


def ranking_metrics(ranks: IntArray, indptr: IntArray, ks: Sequence[int]) -> dict[str, DoubleArray]:
    """Every metric of `PER_CASE` at every k, named ``ndcg@10``: values of each case, (B,)."""
    values: dict[str, DoubleArray] = {}
    for k in ks:
        per_k = (
            hit_rate_at(ranks, indptr, k),
            precision_at(ranks, indptr, k),
            recall_at(ranks, indptr, k),
            f1_at(ranks, indptr, k),
            ndcg_at(ranks, indptr, k),
            average_precision_at(ranks, indptr, k),
            reciprocal_rank_at(ranks, indptr, k),
        )
        values.update({f"{name}@{k}": value for name, value in zip(PER_CASE, per_k, strict=True)})
    return values


def hits_at(ranks: IntArray, indptr: IntArray, k: int) -> DoubleArray:
    """Targets among the first k of each case's list, (B,)."""
    return _sum((_check(k) > ranks).astype(np.float64), indptr)


def hit_rate_at(ranks: IntArray, indptr: IntArray, k: int) -> DoubleArray:
    """1 where any target is among the first k, (B,)."""
    return np.minimum(hits_at(ranks, indptr, k), 1.0)


def precision_at(ranks: IntArray, indptr: IntArray, k: int) -> DoubleArray:
    """Hits over k, (B,); a list shorter than k is divided by k all the same."""
    return _quotient(hits_at(ranks, indptr, k), k)


def recall_at(ranks: IntArray, indptr: IntArray, k: int) -> DoubleArray:
    """Hits over targets, (B,)."""
    return _quotient(hits_at(ranks, indptr, k), np.diff(indptr))


def f1_at(ranks: IntArray, indptr: IntArray, k: int) -> DoubleArray:
    """``2PR / (P + R) = 2 hits / (k + T)``, (B,)."""
    return _quotient(2.0 * hits_at(ranks, indptr, k), k + np.diff(indptr))


def ndcg_at(ranks: IntArray, indptr: IntArray, k: int) -> DoubleArray:
    """Discounted gain over the best that T targets allow within k, (B,)."""
    gains = np.where(ranks < _check(k), 1.0 / np.log2(np.minimum(ranks, k) + 2.0), 0.0)
    ideal = np.cumsum(1.0 / np.log2(np.arange(k) + 2.0))
    return _quotient(_sum(gains, indptr), ideal[np.minimum(k, np.diff(indptr)) - 1])


def average_precision_at(ranks: IntArray, indptr: IntArray, k: int) -> DoubleArray:
    """Mean over all T targets of the precision at each hit within k, (B,)."""
    case_of = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    ordered = ranks[np.lexsort((ranks, case_of))]
    found = np.arange(len(ranks)) - indptr[case_of] + 1.0  # targets up to and with this one
    precisions = np.where(ordered < _check(k), found / (np.minimum(ordered, k) + 1.0), 0.0)
    return _quotient(_sum(precisions, indptr), np.diff(indptr))


def reciprocal_rank_at(ranks: IntArray, indptr: IntArray, k: int) -> DoubleArray:
    """One over the place, from 1, of the best target; 0 where it is beyond k, (B,)."""
    best = np.minimum.reduceat(ranks, indptr[:-1]) if len(indptr) > 1 else ranks[:0]
    return np.where(best < _check(k), 1.0 / (np.minimum(best, k) + 1.0), 0.0)


def false_positive_rates(ranks: IntArray, indptr: IntArray, candidates: IntArray) -> DoubleArray:
    """For each packed target the share of its case's other candidates (neither it nor a target) that rank above it.

    `candidates` (B,) counts what each case ranks. A case whose candidates are all targets gives 0.
    """
    lengths = np.diff(indptr)
    case_of = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((ranks, case_of))
    above = np.empty(len(ranks), dtype=np.float64)
    above[order] = ranks[order] - (np.arange(len(ranks)) - indptr[case_of])  # less the targets above
    return above / np.maximum(candidates - lengths, 1)[case_of]


def auc(ranks: IntArray, indptr: IntArray, candidates: IntArray) -> DoubleArray:
    """Area under each case's ROC curve, (B,): the share of (target, other candidate) pairs in the right order."""
    return _quotient(_sum(1.0 - false_positive_rates(ranks, indptr, candidates), indptr), np.diff(indptr))


def check_ks(ks: Sequence[int]) -> tuple[int, ...]:
    """The list lengths in ascending order without repeats; `ConfigError` where there is none or one is below 1."""
    if not ks or min(ks) < 1:
        raise ConfigError(f"k must be 1 or more; {list(ks)} came.", hint="Give list lengths such as 5,10.")
    return tuple(sorted(set(ks)))


def _check(k: int) -> int:
    return check_ks((k,))[0]


def _sum(values: AnyArray | BoolArray, indptr: IntArray) -> DoubleArray:
    """Sum over each case's targets, (B,). No case is empty, which `reduceat` would get wrong."""
    if len(indptr) <= 1:
        return np.zeros(0)
    return np.asarray(np.add.reduceat(values, indptr[:-1]), dtype=np.float64)


def _quotient(over: DoubleArray, under: AnyArray | int) -> DoubleArray:
    result: DoubleArray = over / under
    return result
