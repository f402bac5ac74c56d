"""How sure a mean over users is, and whether one model's is above another's.

Users are what is drawn: a user with several cases is kept or left out whole. With s_u the sum and n_u the number of a
user's values, the mean is ``Σ s_u / Σ n_u``.

* **interval**: percentile bootstrap; R times as many users as there are, drawn with replacement
* **paired test**: two-sided permutation; under the null hypothesis a user's difference is as likely to have the other
  sign, so signs are flipped at random; ``p = (1 + #{|permuted| ≥ |observed|}) / (1 + R)``
* **Holm**: of m tests the j-th smallest p becomes ``max over i ≤ j of (m − i + 1) p_(i)``, at most 1: the chance of
  even one false claim among them stays below the level

The same seed draws the same users for every model, so intervals of models are comparable and cost is shared.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from penchant.seeding import numpy_rng
from penchant.types import AnyArray, DoubleArray

CELLS = 4_000_000
"""Draws held in memory at once."""


@dataclass(frozen=True, slots=True)
class UserSums:
    """Values of several metrics summed by user."""

    sums: DoubleArray
    """(users, M)"""
    counts: DoubleArray
    """(users,) how many cases each user has"""

    @property
    def means(self) -> DoubleArray:
        """(M,)"""
        return np.asarray(self.sums.sum(axis=0) / max(1.0, self.counts.sum()))


def by_user(values_BM: DoubleArray, owners: AnyArray) -> UserSums:
    """Sum the values of cases, (B, M), by their owner, (B,)."""
    users, place = np.unique(owners, return_inverse=True)
    sums = np.zeros((len(users), values_BM.shape[1]))
    np.add.at(sums, place, values_BM)
    return UserSums(sums, np.bincount(place, minlength=len(users)).astype(np.float64))


def bootstrap_intervals(
    values: UserSums, *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> tuple[DoubleArray, DoubleArray]:
    """Lower and upper ends, (M,) each, of the percentile interval of each mean. One user gives his own mean twice."""
    means = np.concatenate(
        [(drawn @ values.sums) / (drawn @ values.counts)[:, None] for drawn in _draws(values, resamples, seed)]
    )
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return low, high


def permutation_p(differences: UserSums, *, permutations: int = 9_999, seed: int = 0) -> DoubleArray:
    """Two-sided p, (M,), of each mean difference being zero."""
    sums = differences.sums
    moved = sums[(sums != 0).any(axis=1)]  # a user without a difference adds nothing under any sign
    observed = np.abs(sums.sum(axis=0))
    reached = np.zeros(sums.shape[1])
    rng = numpy_rng(seed, "permutation test")
    left = permutations
    while left:
        n = min(left, max(1, CELLS // max(1, len(moved))))
        signs = 2.0 * rng.integers(0, 2, size=(n, len(moved)), dtype=np.int8) - 1.0
        # The tolerance keeps a permutation that is the observation, added up in another order, on the right side.
        reached += (np.abs(signs @ moved) >= observed - 1e-9 * np.maximum(observed, 1.0)).sum(axis=0)
        left -= n
    return np.asarray((1 + reached) / (1 + permutations))


def holm(p_values: DoubleArray) -> DoubleArray:
    """The p values, (m,), corrected for there being m of them."""
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    corrected = np.empty(m)
    corrected[order] = np.minimum(np.maximum.accumulate((m - np.arange(m)) * p_values[order]), 1.0)
    return corrected


def _draws(values: UserSums, resamples: int, seed: int) -> Iterator[DoubleArray]:
    """How often each user is drawn, (n, users), in parts that add up to `resamples` rows."""
    rng, users, left = numpy_rng(seed, "bootstrap"), len(values.counts), resamples
    while left:
        n = min(left, max(1, CELLS // max(1, users)))
        drawn = rng.integers(0, users, size=(n, users)) + users * np.arange(n)[:, None]
        yield np.bincount(drawn.ravel(), minlength=n * users).reshape(n, users).astype(np.float64)
        left -= n
