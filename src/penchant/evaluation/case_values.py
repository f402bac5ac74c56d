"""From a model's answers to the values of each case, and from those to its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from penchant.data.partition import Split
from penchant.evaluation.bands import by_history, by_popularity, popularity_bands
from penchant.evaluation.scoring import Answers
from penchant.metrics.beyond_accuracy import coverage, gini, novelty, overlap, recommended_counts
from penchant.metrics.diversity import ItemSimilarity
from penchant.metrics.names import BEYOND_ACCURACY
from penchant.metrics.ranking import auc, false_positive_rates, ranking_metrics
from penchant.metrics.roc import mean_roc_curve, thin
from penchant.metrics.significance import bootstrap_intervals, by_user
from penchant.types import DoubleArray, IntArray, RowArray


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseValues:
    """Every metric of B cases with T targets, from one split or from several joined."""

    values: Mapping[str, DoubleArray]
    """Name → (B,)"""
    shown: Mapping[int, IntArray]
    """k → (I,) in how many of the cases' first k places each item stands"""
    owners: RowArray
    """(B,) user rows"""
    lengths: IntArray
    """(B,) of the histories asked with"""
    ranks: IntArray
    """(T,)"""
    false_positives: DoubleArray
    """(T,)"""
    indptr: IntArray
    """(B+1,)"""
    bands_T: IntArray
    """(T,) popularity band of each target's item in training"""
    counts_T: IntArray
    """(T,) training events of each target's item"""


def case_values(answers: Answers, split: Split, *, ks: Sequence[int], similarity: ItemSimilarity) -> CaseValues:
    """Work out every metric of one model's answers to the split's test cases."""
    found = list_values(answers.ranks, answers.lists, split, ks=ks, similarity=similarity)
    indptr = split.test.target_indptr
    return replace(
        found,
        values={**found.values, "auc": auc(answers.ranks, indptr, answers.candidates)},
        false_positives=false_positive_rates(answers.ranks, indptr, answers.candidates),
    )


def with_stability(found: CaseValues, answers: Answers, before: Answers, *, ks: Sequence[int]) -> CaseValues:
    """The values, and how much of each list was there one event earlier."""
    stability = {f"stability@{k}": overlap(answers.lists[:, :k], before.lists[:, :k]) for k in ks}
    return replace(found, values={**found.values, **stability})


def list_values(
    ranks: IntArray, lists_BK: RowArray, split: Split, *, ks: Sequence[int], similarity: ItemSimilarity
) -> CaseValues:
    """The metrics that follow from lists alone: the ranks of the packed targets, (T,), `UNRANKED` beyond the list.

    There is no AUC, and the false positives are NaN: both need a ranking of the whole catalogue.
    """
    cases = split.test
    item_counts = split.train.item_counts()
    item_users = _distinct_users(split)
    n_users = int((split.train.histories().lengths > 0).sum())
    values = ranking_metrics(ranks, cases.target_indptr, ks)
    shown: dict[int, IntArray] = {}
    for k in ks:
        lists = lists_BK[:, :k]
        shown[k] = recommended_counts(lists, len(item_counts))
        values[f"novelty@{k}"] = novelty(lists, item_users, n_users)
        values[f"diversity@{k}"] = similarity.diversity(lists)
    return CaseValues(
        values=values,
        shown=shown,
        owners=cases.histories.users,
        lengths=cases.histories.lengths,
        ranks=ranks,
        false_positives=np.full(len(ranks), np.nan),
        indptr=cases.target_indptr,
        bands_T=popularity_bands(item_counts)[cases.target_items],
        counts_T=item_counts[cases.target_items],
    )


def joined(parts: Sequence[CaseValues]) -> CaseValues:
    """The cases of several splits as one."""
    if len(parts) == 1:
        return parts[0]
    sizes = np.cumsum([0, *(part.indptr[-1] for part in parts[:-1])])
    indptr = [parts[0].indptr[:1], *(part.indptr[1:] + size for part, size in zip(parts, sizes, strict=True))]
    return CaseValues(
        values={name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values},
        shown={k: np.sum([part.shown[k] for part in parts], axis=0) for k in parts[0].shown},
        owners=np.concatenate([part.owners for part in parts]),
        lengths=np.concatenate([part.lengths for part in parts]),
        ranks=np.concatenate([part.ranks for part in parts]),
        false_positives=np.concatenate([part.false_positives for part in parts]),
        indptr=np.concatenate(indptr),
        bands_T=np.concatenate([part.bands_T for part in parts]),
        counts_T=np.concatenate([part.counts_T for part in parts]),
    )


def averaged(runs: Sequence[CaseValues]) -> CaseValues:
    """The same cases answered several times, such as with several seeds: the mean of each case's values.

    What is not a value of a case (lists, ranks) is that of the first.
    """
    if len(runs) == 1:
        return runs[0]
    means = {name: np.mean([run.values[name] for run in runs], axis=0) for name in runs[0].values}
    return replace(runs[0], values=means)


def mean_metrics(found: CaseValues) -> dict[str, float]:
    """Every metric over all cases; those of accuracy first, then those of the lists, the whole catalogue's included."""
    metrics = {name: float(value.mean()) for name, value in found.values.items()}
    for k, counts in found.shown.items():
        metrics |= {f"coverage@{k}": coverage(counts), f"gini@{k}": gini(counts)}
    return dict(sorted(metrics.items(), key=lambda pair: pair[0].startswith(BEYOND_ACCURACY)))


def means_and_intervals(found: CaseValues, *, seed: int = 0) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Every metric, and the bootstrap interval of those that have a value for each case."""
    stacked = by_user(np.stack(list(found.values.values()), axis=1), found.owners)
    low, high = bootstrap_intervals(stacked, seed=seed)
    return mean_metrics(found), dict(zip(found.values, zip(low.tolist(), high.tolist(), strict=True), strict=True))


def described(found: CaseValues, *, ks: Sequence[int]) -> dict[str, Any]:
    """The fields of a `ModelResult` that follow from its cases."""
    metrics, intervals = means_and_intervals(found)
    accuracy = {name: value for name, value in found.values.items() if not name.startswith(BEYOND_ACCURACY)}
    curve = thin(mean_roc_curve(found.false_positives, found.indptr))
    return {
        "metrics": metrics,
        "intervals": intervals,
        "by_history_length": tuple(by_history(accuracy, found.lengths)),
        "by_item_popularity": tuple(by_popularity(found.ranks, found.bands_T, found.counts_T, ks)),
        "roc": {
            "false_positive_rate": curve.false_positive_rate.round(6).tolist(),
            "true_positive_rate": curve.true_positive_rate.round(6).tolist(),
        },
    }


def _distinct_users(split: Split) -> IntArray:
    """(I,) how many training users touched each item."""
    events = split.train.events
    on_items = events.items >= 0
    pairs = np.unique(events.users[on_items].astype(np.int64) * split.train.n_items + events.items[on_items])
    return np.bincount(pairs % split.train.n_items, minlength=split.train.n_items).astype(np.int64)
