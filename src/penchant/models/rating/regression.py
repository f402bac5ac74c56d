"""Vectors explained by sparse features, again and again with other targets and another ridge."""

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from penchant.types import DoubleArray

DIRECT = 1_500
"""With at most so many features, or rows, their products are decomposed once; with more, it goes by steps."""
TOLERANCE = 1e-4
STEPS = 200


class Regression:
    """Solves ``(Xᵀ X + ρ 1) W = T`` for W (F, D), with X (rows, F) fixed.

    Directly: with the eigenvectors V and eigenvalues e of ``Xᵀ X``, ``W = V ((Vᵀ T) / (e + ρ))``; where X has fewer
    rows than columns, by those of ``X Xᵀ`` and ``W = (T − Xᵀ (X Xᵀ + ρ 1)⁻¹ X T) / ρ``. For larger X by conjugate
    gradients, all columns at once, scaled by the diagonal, until each column's residual is at most `TOLERANCE` times
    its target: that costs the entries of X times D a step and holds nothing larger than W.
    """

    def __init__(self, features: sp.csr_array, *, direct: int = DIRECT) -> None:
        self._x, self._xt = features, features.T.tocsr()
        self._wide = features.shape[1] > features.shape[0]
        self._direct = min(features.shape) <= direct
        if self._direct:
            products = (self._x @ self._xt if self._wide else self._xt @ self._x).toarray()
            values, self._vectors = scipy.linalg.eigh(products, overwrite_a=True, check_finite=False)
            self._values = np.maximum(values, 0.0)[:, None]

    def solve(self, targets: DoubleArray, *, ridge: float, start: DoubleArray) -> DoubleArray:
        """W for targets T (F, D) and ridge ρ above 0; steps begin at `start` (F, D)."""
        if not self._direct:
            return self._stepwise(targets, ridge, start)
        seen = self._x @ targets if self._wide else targets
        solved = self._vectors @ ((self._vectors.T @ seen) / (self._values + ridge))
        found: DoubleArray = (targets - self._xt @ solved) / ridge if self._wide else solved
        return found

    def _stepwise(self, targets: DoubleArray, ridge: float, start: DoubleArray) -> DoubleArray:
        tiny = np.finfo(np.float64).tiny
        diagonal = np.asarray(self._xt.multiply(self._xt).sum(axis=1)).ravel()[:, None] + ridge
        solution = start.copy()
        residual = targets - self._image(solution, ridge)
        scaled = residual / diagonal
        direction, energy = scaled, (residual * scaled).sum(axis=0)
        enough = TOLERANCE**2 * np.maximum((targets * targets).sum(axis=0), tiny)
        for _ in range(STEPS):
            if ((residual * residual).sum(axis=0) <= enough).all():
                break
            image = self._image(direction, ridge)
            step = energy / np.maximum((direction * image).sum(axis=0), tiny)
            solution += step * direction
            residual -= step * image
            scaled = residual / diagonal
            fresh = (residual * scaled).sum(axis=0)
            direction = scaled + fresh / np.maximum(energy, tiny) * direction
            energy = fresh
        return solution

    def _image(self, vectors: DoubleArray, ridge: float) -> DoubleArray:
        image: DoubleArray = self._xt @ (self._x @ vectors) + ridge * vectors
        return image
