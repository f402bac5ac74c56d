"""How a place is given away once every candidate has a value: the best, softly, or one of many at random.

A policy of this folder says what a candidate is worth (its mean, a bound, a draw); this is the rest of all of them.
"""

import math

import numpy as np

from penchant.errors import ConfigError, DataError
from penchant.interfaces import Arms, Turn
from penchant.types import BoolArray, DoubleArray, IntArray


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
        values, best = self._open(self.values, open_N, added_N)
        if best == -np.inf:
            return np.zeros(len(values))
        if self._temperature > 0:
            chances = self._weights(values, best)
            chances /= chances.sum()
        else:
            chances = np.zeros(len(values))
            chances[self._first(values, best)] = 1.0
        if self.epsilon > 0:
            basis, m = self._explorable(values, open_N, added_N)
            chances *= 1.0 - self.epsilon
            chances[self._top(basis, m)] += self.epsilon / m
        return chances

    def take(self, n: int) -> None:
        """Nothing changes: values hold for the whole slate, and who is open is handed in."""

    def pick(self, open_N: BoolArray, added_N: DoubleArray, rng: np.random.Generator) -> tuple[int, float]:
        """Draw from `probabilities` without working out all of them. `DataError` where nobody is open."""
        values, best = self._open(self.values, open_N, added_N)
        if best == -np.inf:
            raise DataError("No candidate is open.", hint="End the slate here.")
        basis, m = self._explorable(values, open_N, added_N) if self.epsilon > 0 else (values, 0)
        explore = self.epsilon > 0 and rng.random() < self.epsilon
        if explore:
            n = int(self._top(basis, m)[rng.integers(m)])
        if self._temperature > 0:
            total = self._weights(values, best).cumsum()
            if not explore:
                n = int(total.searchsorted(rng.random() * total[-1], side="right"))
            chance = float(np.exp((values[n] - best) * (1.0 / self._temperature)) / total[-1])
        else:
            first = self._first(values, best)
            if not explore:
                n = first
            chance = float(n == first)
        if self.epsilon > 0:
            inside = explore or self._is_top(n, basis, m)
            chance = (1.0 - self.epsilon) * chance + (self.epsilon / m if inside else 0.0)
        self.take(n)
        return n, chance

    def _open(self, values: DoubleArray, open_N: BoolArray, added_N: DoubleArray) -> tuple[DoubleArray, float]:
        """Values with what is added, −inf where not open; and the largest."""
        if not open_N.shape == added_N.shape == values.shape:
            raise DataError(
                f"{len(values)} candidates were handed in, and {open_N.shape} open, {added_N.shape} added.",
                hint="Give one of each per candidate.",
            )
        values = values + added_N
        values[~open_N] = -np.inf
        best = float(values[values.argmax()]) if len(values) else -np.inf  # nan where any is; faster than max
        if not math.isfinite(best) and open_N.any():
            raise DataError(
                f"The best open candidate has the value {best}.", hint="Give finite means, variances and added values."
            )
        return values, best

    def _explorable(self, values: DoubleArray, open_N: BoolArray, added_N: DoubleArray) -> tuple[DoubleArray, int]:
        """By what the explored are chosen, and how many there are."""
        n_open = int(np.count_nonzero(open_N))
        basis = values
        if self._basis is not self.values:
            basis = self._basis + added_N
            basis[~open_N] = -np.inf
        return basis, n_open if self._among is None else min(self._among, n_open)

    def _weights(self, values: DoubleArray, best: float) -> DoubleArray:
        weights = values - best
        weights *= 1.0 / self._temperature
        return np.exp(weights, out=weights)

    def _first(self, values: DoubleArray, best: float) -> int:
        equal = np.flatnonzero(values == best)
        return int(equal[0] if len(equal) == 1 else equal[np.argmin(self._ties[equal])])

    def _top(self, basis: DoubleArray, m: int) -> IntArray:
        """The m largest, equal ones by ties."""
        floor = np.partition(basis, len(basis) - m)[len(basis) - m]
        chosen = np.flatnonzero(basis >= floor)
        if len(chosen) > m:
            equal = chosen[basis[chosen] == floor]
            surplus = equal[np.argsort(self._ties[equal])[len(equal) - (len(chosen) - m) :]]
            chosen = np.setdiff1d(chosen, surplus, assume_unique=True)
        return chosen

    def _is_top(self, n: int, basis: DoubleArray, m: int) -> bool:
        """Whether n, which is open, is one of the m largest."""
        if self._among is None:
            return True
        at_least = np.count_nonzero(basis >= basis[n])
        if at_least <= m:
            return True
        equal = basis == basis[n]
        before = at_least - np.count_nonzero(equal) + np.count_nonzero(equal & (self._ties < self._ties[n]))
        return bool(before < m)
