"""How much items are of concepts that they do not bear: tags are forgotten, and new items have few.

For every concept a ridge regression of "bears its name" on item vectors (texts, behaviour, both side by side)::

    y = X W,   W = (Xᵀ X + λ I)⁻¹ Xᵀ Y

and each item is judged by the *others*: ``ŷ_i = (x_i W − h_i y_i) / (1 − h_i)`` with ``h_i = x_iᵀ (Xᵀ X + λ I)⁻¹ x_i``,
exactly what a regression without item i would say of it (Allen, "The relationship between variable selection and data
augmentation and a method for prediction", Technometrics 16(1), 1974). So that an item bears no name does not speak
against it. Isotonic regression of Y on ŷ makes it a share: of the items that are judged like this one, how many bear
the name (Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates", KDD
2002). It is a lower bound where tags were forgotten.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from scipy.optimize import isotonic_regression

from penchant.concepts.vocabulary import Vocabulary
from penchant.config import Config
from penchant.errors import DataError
from penchant.types import AnyArray, DoubleArray, FloatArray

AT_ONCE = 256
"""Concepts judged at once: memory is items × this."""
LARGEST_LEVERAGE = 0.999


class CompletionConfig(Config):
    """Which concepts an item gets that it does not bear."""

    ridge: float = Field(default=30.0, gt=0)
    """λ, in items, for vectors of mean square one."""
    least_share: float = Field(default=0.5, gt=0, le=1)
    """It gets a concept where this share of the items judged like it bear its name."""
    most: int = Field(default=8, ge=1)
    """... up to so many concepts in all, those it bears among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the others' vectors say of an item's being of a concept."""

    scores: DoubleArray
    """ŷ, (I, C): what orders the items."""
    shares: DoubleArray
    """(I, C) in [0, 1]: of the items judged alike, how many bear the name."""


def side_by_side(vectors: Sequence[FloatArray]) -> DoubleArray:
    """(I, ΣD) float64: blocks around their means, each of mean square one; an item's zero row (no text, no behaviour)
    stays zero in that block. `DataError` where they are not of the same items.
    """
    if len({len(block) for block in vectors}) != 1:
        raise DataError(
            f"Vectors of {', '.join(str(len(block)) for block in vectors) or 'no'} items came.",
            hint="Give blocks with one row for each item, in one order.",
        )
    blocks = []
    for block in vectors:
        there = np.any(block != 0, axis=1)
        centre = block[there].mean(axis=0, dtype=np.float64) if there.any() else 0.0
        centred = np.where(there[:, None], block - centre, 0.0)
        size = np.sqrt((centred**2).sum() / max(int(there.sum()), 1))
        blocks.append(centred / max(size, 1e-12))
    return np.concatenate(blocks, axis=1)


def judged(features_IP: DoubleArray, bears_IC: sp.csr_array, *, ridge: float) -> Judgement:
    """Judge every item for every concept by the others. Time O(I P² + P³ + I P C)."""
    X = np.concatenate([features_IP, np.ones((len(features_IP), 1))], axis=1)
    inverse = np.linalg.inv(X.T @ X + ridge * np.eye(X.shape[1]))
    leverage = np.minimum(np.einsum("ip,pq,iq->i", X, inverse, X, optimize=True), LARGEST_LEVERAGE)
    bears = sp.csc_array((bears_IC > 0).astype(np.float64))
    scores, shares = np.empty(bears.shape), np.empty(bears.shape)
    for start in range(0, bears.shape[1], AT_ONCE):
        some = slice(start, start + AT_ONCE)
        labels = bears[:, some].toarray()
        told = (X @ (inverse @ (X.T @ labels)) - leverage[:, None] * labels) / (1 - leverage[:, None])
        scores[:, some] = told
        for c, score, label in zip(range(start, bears.shape[1]), told.T, labels.T, strict=False):
            shares[:, c] = _shares(score, label)
    return Judgement(scores=scores, shares=shares)


def _shares(score_I: DoubleArray, label_I: DoubleArray) -> DoubleArray:
    """Isotonic regression of labels on scores; equal scores get one share."""
    _, place, count = np.unique(score_I, return_inverse=True, return_counts=True)
    mean = np.bincount(place, weights=label_I) / count
    return np.asarray(np.clip(isotonic_regression(mean, weights=count.astype(np.float64)).x[place], 0.0, 1.0))


def completed(vocabulary: Vocabulary, vectors: Sequence[FloatArray], config: CompletionConfig) -> Vocabulary:
    """The vocabulary with activations of concepts that items do not bear but are judged to be of.

    A concept that is added weighs its share times the usual activation, and a row's squares sum to 1 again. What items
    bear stays what it was (`Vocabulary.bears`): muting a concept takes away what bears its name, not what is like it.
    """
    if not vocabulary.concepts:
        return vocabulary
    bears = vocabulary.bears
    shares = judged(side_by_side(vectors), bears, ridge=config.ridge).shares
    shares[(shares < config.least_share) | (bears.toarray() > 0)] = 0.0
    active: sp.csr_array = vocabulary.activations
    room = np.maximum(config.most - np.diff(active.indptr), 0)
    order = np.argsort(-shares, axis=1, kind="stable")[:, : config.most]
    best = np.take_along_axis(shares, order, axis=1)
    rows, nth = np.nonzero((best > 0) & (np.arange(order.shape[1]) < room[:, None]))
    columns = order[rows, nth]
    usual = float(active.data.mean()) if active.nnz else 1.0
    added = sp.coo_array((usual * shares[rows, columns], (rows, columns)), shape=active.shape)
    return replace(vocabulary, activations=_unit(sp.csr_array(active + added)), borne=bears)


def _unit(activations: sp.csr_array) -> sp.csr_array:
    lengths: AnyArray = np.sqrt(np.asarray(activations.power(2).sum(axis=1)).ravel())
    scaled = sp.csr_array(sp.diags_array(1.0 / np.where(lengths > 0, lengths, 1.0)) @ activations)
    scaled.sort_indices()
    return scaled.astype(np.float32)
