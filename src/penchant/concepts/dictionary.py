"""A sparse, non-negative dictionary: each item vector as a sum of at most a few directions, and what is left over.

::

    z_i = μ + Σ_c a_ic d_c + r_i,     a_ic ≥ 0, at most `per_item` of them above 0

Found by turns: the activations by non-negative orthogonal matching pursuit (Bruckstein, Elad and Zibulevsky 2008), the
directions by least squares on them (the method of optimal directions, Engan, Aase and Husøy 1999). Sums of parts that
are there, never of parts that are missing: so that an item can be told by its concepts (Lee and Seung 1999).

Where concepts have names and items that bear them, each direction begins as that of a name and is held near it, and an
item leans to the names that it bears: the dictionary says in the catalogue's own words what ranks, also of items that
do not bear the word.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.progress import SILENT, Progress
from penchant.types import DoubleArray, FloatArray, IntArray

ITEMS_AT_ONCE = 512
SWEEPS = 20
"""Of coordinate descent when an item's activations are fitted: they are at most a few, and start from the last fit."""
LEAST_LENGTH = 1e-9


class DictionaryConfig(Config):
    """How the directions are found."""

    concepts: int = Field(default=1024, ge=1)
    """Directions at most; never more than a fifth of the items."""
    per_item: int = Field(default=8, ge=1)
    """Activations of an item at most."""
    least_items: int = Field(default=10, ge=2)
    """A direction is on this many items at least, or is given up."""
    rounds: int = Field(default=6, ge=1)
    ridge: float = Field(default=0.1, gt=0)
    """λ: how strongly a direction is held where it was, in items."""
    lean: float = Field(default=0.2, ge=0)
    """A concept that an item bears by name is taken where it leans to it by no more than this, as a cosine, less than
    to another."""
    named_ridge: float = Field(default=3.0, gt=0)
    """λ of a direction with a name, which is held at the name's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """μ, d and a."""

    mean: DoubleArray
    """(D,)"""
    directions: DoubleArray
    """(C, D)"""
    activations: sp.csr_array
    """(I, C) float64"""
    names: IntArray | None = None
    """(C,) which of the names given each is; None where none were given"""

    @property
    def rebuilt(self) -> DoubleArray:
        """μ + Σ_c a_ic d_c of every item, (I, D)."""
        return np.asarray(self.mean + self.activations @ self.directions)


def fit_dictionary(
    vectors_ID: FloatArray,
    config: DictionaryConfig,
    *,
    weights_I: IntArray | None = None,
    names_IC: sp.csr_array | None = None,
    rng: np.random.Generator,
    progress: Progress = SILENT,
) -> Dictionary:
    """Directions for vectors, and the vectors by them.

    With names, `names_IC` above 0 where an item bears one, there is a direction for each, which begins where its items
    lie (ridge regression on the names). Without, they begin at vectors that lie far from each other (k-means++, Arthur
    and Vassilvitskii 2007), drawn by `rng`. `weights_I` says how much an item counts for the directions; None: all
    alike.
    """
    vectors = vectors_ID.astype(np.float64)
    counted = np.ones(len(vectors)) if weights_I is None else np.asarray(weights_I, dtype=np.float64)
    mean = (counted @ vectors) / max(float(counted.sum()), LEAST_LENGTH)
    centred = vectors - mean
    held: DoubleArray | None = None
    names: IntArray | None = None
    if names_IC is None:
        directions = _far_apart(centred, counted, min(config.concepts, len(vectors) // 5), rng)
    else:
        names = np.arange(names_IC.shape[1])
        held = directions = _optimal(
            centred, counted, names_IC.astype(np.float64), np.zeros((len(names), centred.shape[1])), config.named_ridge
        )
    activations = sp.csr_array((len(vectors), len(directions)))

    def activated() -> sp.csr_array:
        mine = None if names is None or names_IC is None else sp.csr_array(names_IC[:, names])
        return sparse_activations(centred, directions, config.per_item, names_IC=mine, lean=config.lean)

    with progress.task("Finding concepts", total=config.rounds) as advance:
        for round_ in range(config.rounds):
            activations = activated()
            if round_ >= config.rounds - 2:  # the last rounds are without directions that too few items have
                kept = np.diff(activations.tocsc().indptr) >= config.least_items
                if not kept.all():
                    directions = directions[kept]
                    held, names = (None, None) if held is None or names is None else (held[kept], names[kept])
                    activations = activated()
            before, ridge = (directions, config.ridge) if held is None else (held, config.named_ridge)
            directions = _optimal(centred, counted, activations, before, ridge)
            advance()
    return Dictionary(mean=mean, directions=directions, activations=activations, names=names)


def sparse_activations(
    centred_ID: DoubleArray,
    directions_CD: DoubleArray,
    per_item: int,
    *,
    names_IC: sp.csr_array | None = None,
    lean: float = 0.0,
) -> sp.csr_array:
    """a, (I, C): non-negative orthogonal matching pursuit.

    By turns the direction is taken that what is left leans to most, ``argmax_c r·d_c/‖d_c‖``, and the activations of
    all taken so far are fitted anew, ``min_{a ≥ 0} ‖x − Σ_c a_c d_c‖²``. It ends where nothing leans on. A direction
    whose name the item bears, `names_IC` above 0, is taken as if ``lean ‖x‖`` were left more of it, if any is.
    """
    n_items, n_concepts = len(centred_ID), len(directions_CD)
    rows, columns, values = [], [], []
    if n_concepts:
        lengths = np.maximum(np.linalg.norm(directions_CD, axis=1), LEAST_LENGTH)
        unit = directions_CD / lengths[:, None]
        gram = unit @ unit.T
        for start in range(0, n_items, ITEMS_AT_ONCE):
            part = slice(start, start + ITEMS_AT_ONCE)
            favour = None
            if names_IC is not None and lean:
                favour = (names_IC[part].toarray() > 0) * (lean * np.linalg.norm(centred_ID[part], axis=1))[:, None]
            chosen, weights = _pursue(centred_ID[part] @ unit.T, gram, per_item, favour)
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
    leaning_NC: DoubleArray, gram_CC: DoubleArray, most: int, favour_NC: DoubleArray | None
) -> tuple[IntArray, DoubleArray]:
    """Chosen directions and their activations, (N, most) both, from x·d/‖d‖ and the directions' cosines."""
    n, most = len(leaning_NC), min(most, leaning_NC.shape[1])
    chosen, weights = np.zeros((n, most), dtype=np.int64), np.zeros((n, most))
    left = leaning_NC.copy()
    rows = np.arange(n)
    for k in range(most):
        taken = chosen[:, :k]
        if k:
            left[rows[:, None], taken] = -np.inf
        drawn = left if favour_NC is None else left + favour_NC * (left > LEAST_LENGTH)
        best = drawn.argmax(axis=1)
        leaning = left[rows, best] > LEAST_LENGTH
        chosen[:, k] = best
        mine = chosen[:, : k + 1]
        cosines = gram_CC[mine[:, :, None], mine[:, None, :]]  # (N, k + 1, k + 1)
        wanted = np.take_along_axis(leaning_NC, mine, axis=1)
        fit = weights[:, : k + 1]  # a view: fitted in place
        for _ in range(SWEEPS):
            for c in range(k + 1):
                others = np.einsum("nj,nj->n", cosines[:, c], fit) - fit[:, c]
                fit[:, c] = np.maximum(wanted[:, c] - others, 0.0)
        fit[~leaning, k] = 0.0
        left = leaning_NC - np.einsum("nk,nkc->nc", fit, gram_CC[mine])
    return chosen, weights


def _optimal(
    centred_ID: DoubleArray, counted_I: DoubleArray, activations: sp.csr_array, before_CD: DoubleArray, ridge: float
) -> DoubleArray:
    """``D = (Aᵀ W A + λ I)⁻¹ (Aᵀ W X + λ D_before)``, (C, D)."""
    weighted = activations.T.tocsr() @ sp.diags_array(counted_I)
    gram = (weighted @ activations).toarray() + ridge * np.eye(len(before_CD))
    solved: DoubleArray = np.linalg.solve(gram, weighted @ centred_ID + ridge * before_CD)
    return solved


def _far_apart(centred_ID: DoubleArray, counted_I: DoubleArray, n: int, rng: np.random.Generator) -> DoubleArray:
    """`n` of the vectors, each drawn in proportion to its squared distance from those drawn before."""
    squares = (centred_ID**2).sum(axis=1)
    chances = squares * counted_I
    chosen: list[int] = []
    distances = squares.copy()
    for _ in range(n):
        if chances.sum() <= LEAST_LENGTH:
            break
        chosen.append(int(rng.choice(len(chances), p=chances / chances.sum())))
        one = centred_ID[chosen[-1]]
        distances = np.minimum(distances, np.maximum(squares - 2 * centred_ID @ one + one @ one, 0.0))
        chances = distances * counted_I
    return centred_ID[chosen].copy()
