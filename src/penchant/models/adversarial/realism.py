"""How far generated rows are from observed ones: single items, pairs of items, and whether a classifier can tell."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import svds

from penchant.models.adversarial.leaks import row_matrix
from penchant.models.adversarial.rows import NOTHING, Rows
from penchant.seeding import derive
from penchant.types import BoolArray, DoubleArray, IntArray

PAIRED = 200
"""Pairs are counted among the so many most frequent items."""
DIRECTIONS = 32
NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSample:
    """A classifier two-sample test (Lopez-Paz and Oquab 2017)."""

    accuracy: float
    """Of cross-validated guesses which rows are observed; ½ is chance"""
    low: float
    high: float
    """95 % Wilson interval of the accuracy"""
    rows: int

    @property
    def told_apart(self) -> bool:
        """Whether the interval is above chance."""
        return self.low > 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RealismReport:
    """Generated beside observed rows of the same conditions and lengths. `floor`: observed beside others."""

    item_distance: float
    """Total variation between the shares of the items, 0 to 1"""
    item_correlation: float
    """Of how often each item stands in the rows"""
    pair_correlation: float
    """Of how often each pair of frequent items stands in one row"""
    step_correlation: float
    """Of how often each pair of frequent items follow one another"""
    two_sample: TwoSample
    floor_item_distance: float
    floor_item_correlation: float
    floor_pair_correlation: float
    floor_step_correlation: float
    floor_two_sample: TwoSample


def realism_report(
    made: Rows, observed: Rows, others: Rows, *, basis: Rows, n_items: int, seed: int = 0
) -> RealismReport:
    """Compare generated rows with the observed rows of their own conditions, and these with `others`, observed too.

    `basis`: further observed rows, which say what items are frequent and which are near each other.
    """
    frequent = np.argsort(-_counts(basis, n_items), kind="stable")[: min(PAIRED, n_items)]
    figures = []
    for rows in (made, others):
        shares = [_counts(side, n_items) / max(_counts(side, n_items).sum(), 1) for side in (rows, observed)]
        figures.append(
            (
                float(np.abs(shares[0] - shares[1]).sum() / 2),
                correlation(shares[0], shares[1]),
                correlation(_pairs(rows, frequent, n_items), _pairs(observed, frequent, n_items)),
                correlation(_steps(rows, frequent, n_items), _steps(observed, frequent, n_items)),
            )
        )
    return RealismReport(
        item_distance=figures[0][0],
        item_correlation=figures[0][1],
        pair_correlation=figures[0][2],
        step_correlation=figures[0][3],
        two_sample=two_sample_test(observed, made, basis=basis, n_items=n_items, seed=seed),
        floor_item_distance=figures[1][0],
        floor_item_correlation=figures[1][1],
        floor_pair_correlation=figures[1][2],
        floor_step_correlation=figures[1][3],
        floor_two_sample=two_sample_test(observed, others, basis=basis, n_items=n_items, seed=seed),
    )


def two_sample_test(observed: Rows, made: Rows, *, basis: Rows, n_items: int, seed: int = 0) -> TwoSample:
    """Boosted trees guess, in five folds, which rows are observed; as many rows of each side.

    A row is told by the mean of its items' vectors (from `basis`: items that stand in the same rows are near each
    other), by how alike its items are in all and one after the other, and by how frequent they are, its last item's
    too. A classifier that finds nothing does not prove that there is nothing.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict

    size = min(len(observed), len(made))
    vectors, counts = _item_vectors(basis, n_items), _counts(basis, n_items)
    sides = [_features(rows.take(slice(0, size)), vectors, counts) for rows in (observed, made)]
    labels: BoolArray = np.repeat([True, False], size)
    order = np.random.default_rng(derive(seed, "two samples")).permutation(2 * size)
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=derive(seed, "trees") % 2**31)
    guessed = cross_val_predict(model, np.concatenate(sides)[order], labels[order], cv=5)
    right = int((guessed == labels[order]).sum())
    low, high = wilson(right, 2 * size)
    return TwoSample(accuracy=right / (2 * size), low=low, high=high, rows=2 * size)


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927).

    Worked: 5 of 10: z² = 3.84146; centre (0.5 + z²/20) / (1 + z²/10) = 0.5, half width 0.26341.
    """
    share, z2 = right / n, NORMAL_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = NORMAL_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return centre - half, centre + half


def correlation(x: DoubleArray, y: DoubleArray) -> float:
    """Pearson's; 0 where one of them is constant."""
    a, b = x - x.mean(), y - y.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size > 0 else 0.0


def _counts(rows: Rows, n_items: int) -> DoubleArray:
    behind = rows.items[np.arange(rows.items.shape[1])[None, :] >= rows.given[:, None]]
    return np.bincount(behind[behind != NOTHING], minlength=n_items).astype(np.float64)


def _pairs(rows: Rows, frequent: IntArray, n_items: int) -> DoubleArray:
    sets = row_matrix(rows, n_items=n_items)[:, frequent]
    together: DoubleArray = (sets.T @ sets).toarray()
    return np.asarray(together[np.triu_indices(len(frequent), k=1)], dtype=np.float64)


def _steps(rows: Rows, frequent: IntArray, n_items: int) -> DoubleArray:
    place = np.full(n_items + 1, -1)
    place[frequent] = np.arange(len(frequent))
    before, after = place[rows.items[:, :-1]].ravel(), place[rows.items[:, 1:]].ravel()
    there = (before >= 0) & (after >= 0)
    counted = np.bincount(before[there] * len(frequent) + after[there], minlength=len(frequent) ** 2)
    return counted.astype(np.float64)


def _item_vectors(rows: Rows, n_items: int) -> DoubleArray:
    """(I, D) unit vectors: right singular vectors of the rows, zero for an item in none."""
    matrix = row_matrix(rows, n_items=n_items)
    rank = min(DIRECTIONS, min(matrix.shape) - 1)
    _, sizes, directions = svds(matrix, k=rank, v0=np.ones(min(matrix.shape)))
    vectors = directions.T * sizes
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-9), dtype=np.float64)


def _features(rows: Rows, vectors: DoubleArray, counts: DoubleArray) -> DoubleArray:
    told = []
    popular = np.log1p(counts)
    for b in range(len(rows)):
        items = rows.items[b, : rows.lengths[b]]
        own = vectors[items]
        mean = own.mean(axis=0) if len(items) else np.zeros(vectors.shape[1])
        steps = (own[1:] * own[:-1]).sum(axis=1) if len(items) > 1 else np.zeros(1)
        frequency = popular[items] if len(items) else np.zeros(1)
        told.append([*mean, mean @ mean, steps.mean(), frequency.mean(), frequency.std(), frequency[-1]])
    return np.array(told)
