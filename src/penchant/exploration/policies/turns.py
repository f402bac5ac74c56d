"""How a place is given away once every candidate has a value: the best, softly, or one of many at random.

A policy of this folder says what a candidate is worth (its mean, a bound, a draw); this is the rest of all of them.
"""

import numpy as np

from penchant.errors import ConfigError, DataError
from penchant.interfaces import Arms, Turn
from penchant.types import BoolArray, DoubleArray


class ValueTurn(Turn):
    """Values that hold for the whole slate, and the rule

        p(n | places before) = (1 − ε) q_n + ε [n ∈ top_M] / M
        q_n ∝ exp((v_n + added_n)/T) over the open candidates;    T = 0: q = 1 for the largest

    top_M are the M open candidates with the largest ``basis_n + added_n``, all of them where fewer than M are open or M
    is None. Equal values are ranked by `Arms.ties`. So p ≥ ε/M for each of top_M, whatever the values are. Renewed over
    what is open at each place, q with T > 0 is the Plackett–Luce distribution over slates (Luce 1959, Plackett 1975).
    """

    def __init__(
        self,
        arms: Arms,
        k: int,
        values_N: DoubleArray,
        *,
        temperature: float = 0.0,
        epsilon: float = 0.0,
        among: int | None = None,
        basis_N: DoubleArray | None = None,
    ) -> None:
        if k < 1:
            raise ConfigError(f"A slate of {k} places was asked for; it has at least one.", hint="Ask for k ≥ 1.")
        self.values = values_N
        self.epsilon = epsilon
        self._basis = values_N if basis_N is None else basis_N
        self._ties, self._temperature, self._among = arms.ties, temperature, among

    def probabilities(self, open_N: BoolArray, added_N: DoubleArray) -> DoubleArray:
        """The rule above, (N,). `DataError` where an open candidate's value is not finite, or shapes differ."""
        if not open_N.shape == added_N.shape == self.values.shape:
            raise DataError(
                f"{len(self.values)} candidates were handed in, and {open_N.shape} open, {added_N.shape} added.",
                hint="Give one of each per candidate.",
            )
        if not open_N.any():
            return np.zeros(len(self.values))
        values = np.where(open_N, self.values + added_N, -np.inf)
        chances = self._soft(values) if self._temperature > 0 else self._best(values)
        if self.epsilon > 0:
            basis = values if self._basis is self.values else np.where(open_N, self._basis + added_N, -np.inf)
            explored, n = self._top(basis, open_N)
            chances *= 1.0 - self.epsilon
            chances += explored * (self.epsilon / n)
        return chances

    def take(self, n: int) -> None:
        """Nothing changes: values hold for the whole slate, and who is open is handed in."""

    def _best(self, values: DoubleArray) -> DoubleArray:
        chances = np.zeros(len(values))
        best = np.flatnonzero(values == _largest(values))
        chances[best[np.argmin(self._ties[best])]] = 1.0
        return chances

    def _soft(self, values: DoubleArray) -> DoubleArray:
        chances = np.exp((values - _largest(values)) / self._temperature)
        chances /= chances.sum()
        return chances

    def _top(self, basis: DoubleArray, open_N: BoolArray) -> tuple[BoolArray, int]:
        """Which are explored among, and how many."""
        n_open = int(np.count_nonzero(open_N))
        m = n_open if self._among is None else min(self._among, n_open)
        if m == n_open:
            return open_N, n_open
        floor = np.partition(basis, len(basis) - m)[len(basis) - m]
        chosen = basis >= floor
        surplus = int(np.count_nonzero(chosen)) - m
        if surplus:
            equal = np.flatnonzero(basis == floor)
            chosen[equal[np.argsort(self._ties[equal])[len(equal) - surplus :]]] = False
        return chosen, m


def _largest(values: DoubleArray) -> float:
    top = float(values.max())  # nan where any is
    if not np.isfinite(top):
        raise DataError(f"The best open candidate has the value {top}.", hint="Give finite means, variances and added.")
    return top
