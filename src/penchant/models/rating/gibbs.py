"""Draws from the conditional distributions of Bayesian matrix factorisation: each is exact, given all the others."""

import numpy as np
import scipy.sparse as sp

from penchant.models.rating.half_step import Entries, with_ones
from penchant.models.rating.regression import Regression
from penchant.types import DoubleArray

PRIOR_COUNT = 2.0
"""β₀ of the Normal–Wishart prior: rows at zero that the mean starts with."""
GAMMA_SHAPE, GAMMA_RATE = 1.0, 1.0
"""Of the Gamma priors of ρ and α, which are about 1 in these units."""
FIRST_SPREAD = 0.1
"""Of the vectors that the chain starts from."""


class Side:
    """The users, or the items: their vectors (n, D), the vectors' prior, and the link from side information.

    ::

        z_n ~ N(m + Lᵀ x_n, Λ⁻¹),   (m, Λ) ~ NW(0, β₀, 1, D),   L ~ N(0, (ρ 1)⁻¹ ⊗ Λ⁻¹),   ρ ~ Gamma
    """

    def __init__(self, information: sp.csr_array, dim: int, *, rng: np.random.Generator) -> None:
        self._x, self._xt = information, information.T.tocsr()
        self._regression = Regression(information) if information.shape[1] else None
        self.vectors: DoubleArray = rng.normal(scale=FIRST_SPREAD, size=(information.shape[0], dim))
        self.link: DoubleArray = np.zeros((information.shape[1], dim))
        """L, (F, D)"""
        self.ridge = 1.0
        """ρ"""
        self.mean: DoubleArray = np.zeros(dim)
        """m, (D,)"""
        self.precision: DoubleArray = np.eye(dim)
        """Λ, (D, D)"""

    def draw_prior(self, rng: np.random.Generator) -> None:
        """Draw (m, Λ), then L, then ρ, given the vectors."""
        n, dim = self.vectors.shape
        own = self.vectors - self._x @ self.link
        average = own.mean(axis=0)
        scatter = (own - average).T @ (own - average)
        scatter += np.eye(dim) + n * PRIOR_COUNT / (n + PRIOR_COUNT) * np.outer(average, average)
        scatter += self.ridge * self.link.T @ self.link
        self.precision = wishart(scatter, dim + n + len(self.link), rng)
        root = np.linalg.cholesky(self.precision)
        centre = n / (n + PRIOR_COUNT) * average
        self.mean = centre + np.linalg.solve(root.T, rng.standard_normal(dim)) / np.sqrt(n + PRIOR_COUNT)
        if self._regression is None:
            return
        # Noise of the right covariance added to both sides makes the solution of the equations a draw (Simm et al.).
        noise = np.linalg.solve(root.T, rng.standard_normal((dim, n + len(self.link)))).T
        targets = self._xt @ (self.vectors - self.mean + noise[:n]) + np.sqrt(self.ridge) * noise[n:]
        self.link = self._regression.solve(targets, ridge=self.ridge, start=self.link)
        size = float((self.link @ root).ravel() @ (self.link @ root).ravel())
        self.ridge = rng.gamma(GAMMA_SHAPE + 0.5 * self.link.size, 1.0 / (GAMMA_RATE + 0.5 * size))

    def draw_vectors(
        self, entries: Entries, others: DoubleArray, noise_precision: float, rng: np.random.Generator
    ) -> None:
        """Draw each vector given the ratings and the other side's vectors."""
        self.vectors = entries.solve(
            with_ones(others),
            offsets=others[:, 0],
            precision=self.precision,
            means=self.mean + self._x @ self.link,
            noise_precision=noise_precision,
            rng=rng,
        )


def wishart(inverse_scale: DoubleArray, degrees: int, rng: np.random.Generator) -> DoubleArray:
    """A draw from the Wishart distribution with mean ``degrees · inverse_scale⁻¹``, by Bartlett's decomposition."""
    dim = len(inverse_scale)
    lower = np.tril(rng.standard_normal((dim, dim)), -1)
    lower[np.arange(dim), np.arange(dim)] = np.sqrt(rng.chisquare(degrees - np.arange(dim)))
    # With S = R Rᵀ, the rows of Aᵀ R⁻¹ have the scatter that is wanted.
    half = np.linalg.solve(np.linalg.cholesky(inverse_scale).T, lower)
    drawn: DoubleArray = half @ half.T
    return (drawn + drawn.T) / 2.0


def draw_noise_precision(errors: DoubleArray, rng: np.random.Generator) -> float:
    """A draw of α given the errors."""
    return float(rng.gamma(GAMMA_SHAPE + 0.5 * len(errors), 1.0 / (GAMMA_RATE + 0.5 * float(errors @ errors))))
