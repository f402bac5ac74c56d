"""A sparse, non-negative dictionary: each item vector as a sum of a few named directions, and what is left over.

::

    z_i = μ + Σ_c a_ic d_c + r_i,     a_ic ≥ 0, at most `per_item` of them above 0, of c that i may have

Every name has a direction of its own, which an item may have if it bears the name: what is done to "comedy" is done to
comedies. Further directions, kinds, are for what ranks and has no name yet, and are put under the name that most of
their items bear. Where texts are given an item may have those kinds whose items read like it (`kinship`); without, any.
Found by turns: the activations by non-negative orthogonal matching pursuit (Bruckstein, Elad and Zibulevsky 2008), the
directions by least squares on them (the method of optimal directions, Engan, Aase and Husøy 1999). Sums of parts that
are there, never of parts that are missing: so that an item can be told by its concepts (Lee and Seung 1999).
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.concepts.kinship import ItemTexts, alike_in_both, far_apart
from penchant.config import Config
from penchant.progress import SILENT, Progress
from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray

ITEMS_AT_ONCE = 512
SWEEPS = 20
"""Of coordinate descent when an item's activations are fitted: they are at most a few, and start from the last fit."""
LEAST_LENGTH = 1e-9
PRUNING = 3
"""The last rounds are without what is on too few items or reads like nothing; after the last there is none of it."""


class DictionaryConfig(Config):
    """How the directions are found."""

    per_item: int = Field(default=8, ge=1)
    """Activations of an item at most."""
    items_per_concept: float = Field(default=5.0, ge=1)
    """There are at most items / this many directions, names included."""
    least_items: int = Field(default=10, ge=1)
    """A direction is on this many items at least, or is given up."""
    near: float = Field(default=0.35, ge=-1, le=1)
    """Where there are texts, an item may have a kind whose text has at least this cosine with its own, both around the
    mean text."""
    kind_coherence: float = Field(default=0.15, ge=-1, le=1)
    """A kind whose items' texts have a smaller mean cosine than this is given up."""
    kind_share: float = Field(default=0.5, gt=0, le=1)
    """A kind is put under a name that this share of it bears, the rarest such."""
    rounds: int = Field(default=5, ge=1)
    ridge: float = Field(default=1.0, gt=0)
    """λ: how strongly a direction is held where it was, in items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """μ, d and a."""

    mean: DoubleArray
    """(D,)"""
    directions: DoubleArray
    """(C, D)"""
    activations: sp.csr_array
    """(I, C) float64"""
    names: IntArray
    """(C,) the name of each: its own, or the one that it is a kind of, −1 for a kind of none"""
    kinds: BoolArray
    """(C,) whether it is a kind; these come last"""
    may: sp.csr_array
    """(I, C) above 0 where an item may have a direction"""

    @property
    def rebuilt(self) -> DoubleArray:
        """μ + Σ_c a_ic d_c of every item, (I, D)."""
        return np.asarray(self.mean + self.activations @ self.directions)


def fit_dictionary(
    vectors_ID: FloatArray,
    names_IN: sp.csr_array,
    config: DictionaryConfig,
    *,
    texts_ID: FloatArray | None = None,
    counted_I: BoolArray | None = None,
    rng: np.random.Generator,
    progress: Progress = SILENT,
) -> Dictionary:
    """Directions for vectors, and the vectors by them.

    `names_IN` is above 0 where an item bears a name, `texts_ID` (any width) the items' unit text vectors. The direction
    of a name begins where its items lie (ridge regression on the names), the kinds at what names leave over: of groups
    that are alike in text as well (`kinship.alike_in_both`), or without texts of items far from each other (k-means++),
    drawn by `rng`. The directions are fitted to the items `counted_I`; None: to all.
    """
    vectors = vectors_ID.astype(np.float64)
    counted = np.ones(len(vectors)) if counted_I is None else counted_I.astype(np.float64)
    mean = (counted @ vectors) / max(float(counted.sum()), LEAST_LENGTH)
    centred = vectors - mean
    bears = sp.csr_array((names_IN > 0).astype(np.float64))
    texts = None if texts_ID is None else ItemTexts(texts_ID)
    n_names = bears.shape[1]
    directions = _optimal(centred, counted, _unit_rows(bears), np.zeros((n_names, centred.shape[1])), config.ridge)
    may = bears
    number = int(len(vectors) / config.items_per_concept) - n_names if counted.sum() >= config.least_items else 0
    if number > 0:
        left = centred - sparse_activations(centred, directions, config.per_item, bears) @ directions
        if texts is None:
            begun = left[far_apart(left * counted[:, None], number, rng)]
            kin = sp.csr_array(np.ones((len(vectors), len(begun))))
        else:
            begun, places = alike_in_both(left, texts, number, counted_I=counted > 0, least=2, rng=rng)
            kin = texts.near(places, config.near)
        directions, may = np.concatenate([directions, begun]), sp.csr_array(sp.hstack([bears, kin], format="csr"))
    names = np.concatenate([np.arange(n_names), np.full(len(directions) - n_names, -1)])
    activations = sp.csr_array((len(vectors), len(directions)))
    with progress.task("Finding concepts", total=config.rounds) as advance:
        for round_ in range(config.rounds):
            activations = sparse_activations(centred, directions, config.per_item, may)
            to_go = config.rounds - 1 - round_
            kept = _kept(activations, names, texts, config)
            while to_go < PRUNING and not kept.all():
                directions, names, may = directions[kept], names[kept], sp.csr_array(may[:, np.flatnonzero(kept)])
                activations = sparse_activations(centred, directions, config.per_item, may)
                kept = _kept(activations, names, texts, config) if not to_go else np.ones(len(names), dtype=np.bool_)
            directions = _optimal(centred, counted, activations, directions, config.ridge)
            if texts is not None and to_go:
                kin = texts.near(texts.centroids(activations[:, np.flatnonzero(names < 0)]), config.near)
                may = sp.csr_array(sp.hstack([may[:, np.flatnonzero(names >= 0)], kin], format="csr"))
            advance()
    kinds = names < 0
    names[kinds] = _names_of(activations[:, np.flatnonzero(kinds)], bears, names[~kinds], config.kind_share)
    return Dictionary(mean=mean, directions=directions, activations=activations, names=names, kinds=kinds, may=may)


def _kept(activations: sp.csr_array, names: IntArray, texts: ItemTexts | None, config: DictionaryConfig) -> BoolArray:
    """(C,) which directions are on enough items, and if they are kinds, on items that read alike."""
    kept: BoolArray = np.diff(activations.tocsc().indptr) >= config.least_items
    if texts is not None:
        kept[names < 0] &= texts.coherence(activations[:, np.flatnonzero(names < 0)]) >= config.kind_coherence
    return kept


def _names_of(kinds_IK: sp.csr_array, bears_IN: sp.csr_array, kept_N: IntArray, share: float) -> IntArray:
    """(K,) of the kept names that a share of a kind's activations bears, the one on the fewest items; −1 where none."""
    found = np.full(kinds_IK.shape[1], -1, dtype=np.int64)
    if len(kept_N) and len(found):
        bears = bears_IN[:, kept_N]
        shares = (kinds_IK.T @ bears).toarray() / np.maximum(kinds_IK.sum(axis=0), LEAST_LENGTH)[:, None]
        sizes = np.where(shares >= share, bears.sum(axis=0)[None, :], np.inf)
        best = sizes.argmin(axis=1)
        there = np.isfinite(sizes[np.arange(len(best)), best])
        found[there] = kept_N[best[there]]
    return found


def _unit_rows(matrix: sp.csr_array) -> sp.csr_array:
    """Rows of length one; empty ones stay."""
    lengths = np.sqrt(np.asarray(matrix.power(2).sum(axis=1)).ravel())
    return sp.csr_array(sp.diags_array(1.0 / np.where(lengths > 0, lengths, 1.0)) @ matrix)


def sparse_activations(
    centred_ID: DoubleArray, directions_CD: DoubleArray, per_item: int, may_IN: sp.csr_array | None = None
) -> sp.csr_array:
    """a, (I, C): non-negative orthogonal matching pursuit.

    By turns the direction is taken that what is left leans to most, ``argmax_c r·d_c/‖d_c‖``, and the activations of
    all taken so far are fitted anew, ``min_{a ≥ 0} ‖x − Σ_c a_c d_c‖²``. It ends where nothing leans on. With `may_IN`
    an item takes of the first N directions only those for which that is above 0.
    """
    n_items, n_concepts = len(centred_ID), len(directions_CD)
    rows, columns, values = [], [], []
    if n_concepts:
        lengths = np.maximum(np.linalg.norm(directions_CD, axis=1), LEAST_LENGTH)
        unit = directions_CD / lengths[:, None]
        gram = unit @ unit.T
        for start in range(0, n_items, ITEMS_AT_ONCE):
            part = slice(start, start + ITEMS_AT_ONCE)
            barred = None if may_IN is None else np.where(may_IN[part].toarray() > 0, 0.0, -np.inf)
            chosen, weights = _pursue(centred_ID[part] @ unit.T, gram, per_item, barred)
            place, nth = np.nonzero(weights > LEAST_LENGTH)
            rows.append(start + place)
            columns.append(chosen[place, nth])
            values.append(weights[place, nth] / lengths[chosen[place, nth]])
    empty = np.zeros(0, dtype=np.int64)
    entries = (
        np.concatenate([np.zeros(0), *values]),
        (np.concatenate([empty, *rows]), np.concatenate([empty, *columns])),
    )
    return sp.coo_array(entries, shape=(n_items, n_concepts)).tocsr()


def _pursue(
    leaning_NC: DoubleArray, gram_CC: DoubleArray, most: int, barred_NC: DoubleArray | None
) -> tuple[IntArray, DoubleArray]:
    """Chosen directions and their activations, (N, most) both, from x·d/‖d‖ and the directions' cosines."""
    n, most = len(leaning_NC), min(most, leaning_NC.shape[1])
    chosen, weights = np.zeros((n, most), dtype=np.int64), np.zeros((n, most))
    leaning = np.zeros((n, most), dtype=np.bool_)
    left = leaning_NC.copy()
    rows = np.arange(n)
    for k in range(most):
        taken = chosen[:, :k]
        if k:
            left[rows[:, None], taken] = -np.inf
        if barred_NC is not None:
            left[:, : barred_NC.shape[1]] += barred_NC
        best = left.argmax(axis=1)
        leaning[:, k] = left[rows, best] > LEAST_LENGTH
        chosen[:, k] = best
        mine = chosen[:, : k + 1]
        cosines = gram_CC[mine[:, :, None], mine[:, None, :]]  # (N, k + 1, k + 1)
        wanted = np.where(leaning[:, : k + 1], np.take_along_axis(leaning_NC, mine, axis=1), -np.inf)
        fit = weights[:, : k + 1]  # a view: fitted in place
        for _ in range(SWEEPS):
            for c in range(k + 1):
                others = np.einsum("nj,nj->n", cosines[:, c], fit) - fit[:, c]
                fit[:, c] = np.maximum(wanted[:, c] - others, 0.0)
        starts = np.arange(0, n * (k + 1) + 1, k + 1)
        left = leaning_NC - sp.csr_array((fit.ravel(), mine.ravel(), starts), shape=(n, len(gram_CC))) @ gram_CC
    return chosen, weights


def _optimal(
    centred_ID: DoubleArray, counted_I: DoubleArray, activations: sp.csr_array, before_CD: DoubleArray, ridge: float
) -> DoubleArray:
    """``D = (Aᵀ W A + λ I)⁻¹ (Aᵀ W X + λ D_before)``, (C, D)."""
    weighted = activations.T.tocsr() @ sp.diags_array(counted_I)
    gram = (weighted @ activations).toarray() + ridge * np.eye(len(before_CD))
    solved: DoubleArray = np.linalg.solve(gram, weighted @ centred_ID + ridge * before_CD)
    return solved
