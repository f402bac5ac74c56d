"""Fewer features: the directions in which the rows differ most."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from scipy.sparse.linalg import LinearOperator, svds

from penchant.config import Config
from penchant.data.features.columns import SIDES, Observed, Side
from penchant.types import DoubleArray

DENSE_FEATURES = 2_000
"""Up to so many features the covariance is held whole: 32 MB."""


class Reduce(Config):
    """Settings of the step."""

    step: Literal["reduce"] = "reduce"
    dim: int = Field(default=16, ge=1)
    """Components kept of a side."""
    over: int = Field(default=64, ge=1)
    """A side with at most so many features is left as it is."""

    def fit(self, features: Mapping[Side, sp.csr_array], seen: Observed) -> "Reduction":
        """Principal components of the rows that training touches."""
        bases = {}
        for side in SIDES:
            width = features[side].shape[1]
            rows = features[side][np.flatnonzero(seen.touched(side))]
            if width > self.over and rows.shape[0] > 1 and width > self.dim:
                bases[side] = _components(rows, self.dim)
        return Reduction(bases=bases)


@dataclass(frozen=True, kw_only=True)
class Basis:
    """x → (x − mean) C: the coordinates of a row in the directions C."""

    mean: DoubleArray
    """(F,)"""
    directions: DoubleArray
    """C, (F, dim): orthonormal columns, the largest coordinate of each above 0"""
    explained: float
    """The share of the training rows' variance that is left."""

    @property
    def dim(self) -> int:
        """Components."""
        return int(self.directions.shape[1])

    def apply(self, features: sp.csr_array) -> sp.csr_array:
        """(rows, dim); a row without any feature is an average one: 0."""
        there = np.diff(features.indptr) > 0
        placed = (features @ self.directions - self.mean @ self.directions) * there[:, None]
        return sp.csr_array(placed)


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """The sides that were reduced, principal components of Pearson (1901)."""

    bases: Mapping[Side, Basis]

    def names(self, side: Side, names: tuple[str, ...]) -> tuple[str, ...]:
        """``users.component-1`` … in place of the features' names."""
        if side not in self.bases:
            return names
        return tuple(f"{side}.component-{k + 1}" for k in range(self.bases[side].dim))

    def apply(self, side: Side, features: sp.csr_array) -> sp.csr_array:
        """The features, or their components."""
        return self.bases[side].apply(features) if side in self.bases else features

    def as_json(self) -> dict[str, Any]:
        """For a manifest and a report."""
        bases = {
            side: {"mean": b.mean.tolist(), "directions": b.directions.tolist(), "explained": b.explained}
            for side, b in self.bases.items()
        }
        return {"step": "reduce", "bases": bases}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Reduction":
        """What `as_json` gave."""
        return cls(
            bases={
                side: Basis(mean=np.array(b["mean"]), directions=np.array(b["directions"]), explained=b["explained"])
                for side, b in saved["bases"].items()
            }
        )


def _components(rows: sp.csr_array, dim: int) -> Basis:
    mean = np.asarray(rows.mean(axis=0)).ravel()
    total = float(rows.multiply(rows).sum() / rows.shape[0] - mean @ mean)
    if rows.shape[1] <= DENSE_FEATURES:
        covariance = (rows.T @ rows).toarray() / rows.shape[0] - np.outer(mean, mean)
        values, vectors = np.linalg.eigh(covariance)
        kept, directions = values[::-1][:dim], vectors[:, ::-1][:, :dim]
    else:
        centred = LinearOperator(
            rows.shape,
            matvec=lambda x: rows @ x.ravel() - mean @ x.ravel(),  # svds hands columns in
            rmatvec=lambda y: rows.T @ y.ravel() - mean * y.sum(),
            dtype=np.float64,
        )
        _, lengths, right = svds(centred, k=min(dim, min(rows.shape) - 1), v0=np.ones(min(rows.shape)))
        kept, directions = lengths[::-1] ** 2 / rows.shape[0], right[::-1].T
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])])
    explained = float(np.maximum(kept, 0.0).sum() / total) if total > 0 else 0.0
    # In one order in memory, so that a basis that was saved and read multiplies to the same last bit.
    return Basis(mean=mean, directions=np.ascontiguousarray(directions * signs), explained=explained)
