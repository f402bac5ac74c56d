"""Which users look made up, and a dataset without them: for use before a fit."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, svds

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.matrix import interaction_matrix
from penchant.errors import DataError, UnsupportedError
from penchant.types import BoolArray, DoubleArray, IntArray

Suspicion = Literal["pca", "rdma"]
SUSPICIONS: tuple[Suspicion, ...] = get_args(Suspicion)


class DetectorConfig(Config):
    """Settings of the detector."""

    method: Suspicion = "pca"
    share: float = Field(default=0.1, gt=0, lt=1)
    """Of the users, how many are looked at more closely: the most suspicious."""
    components: int = Field(default=3, ge=1)
    """Of ``pca``."""
    excess: float = Field(default=6.0, gt=0)
    """Standard errors above chance from which an item may count as pushed by the suspects; see `detect`."""


@dataclass(frozen=True, kw_only=True)
class Detected:
    """What was found."""

    suspicion: DoubleArray
    """(U,) higher is more suspicious; −inf for a user without item events"""
    suspects: BoolArray
    """(U,) the most suspicious"""
    pushed: IntArray
    """Rows of items that the suspects push, the most evident first"""
    injected: BoolArray
    """(U,) suspects who push one of them: these are held to be made up"""


def suspicion(dataset: Dataset, config: DetectorConfig | None = None) -> DoubleArray:
    """How little each user's profile looks like a real one, (U,).

    ======== ==========================================================================================================
    pca      ``−Σ_k w_uk²`` over the first left singular vectors w of the user × item matrix, each row as z-scores: what
             nobody else does lies in none of the main directions (Mehta and Nejdl 2009, "PCA variable selection")
    rdma     ``(1/n_u) Σ_i |r_ui − mean of i| / n_i``: far from the mean on items that few rated (Chirita et al. 2005)
    ======== ==========================================================================================================

    Unrated is 0 in ``pca``; where values are no ratings what happened is 1. Raises `UnsupportedError` for ``rdma``
    without ratings, `DataError` for fewer users or items than components.
    """
    config = config or DetectorConfig()
    rated = dataset.rating_scale is not None
    matrix = interaction_matrix(dataset, cell="one")
    if rated:
        known = ~np.isnan(dataset.events.values)
        matrix = interaction_matrix(dataset, cell="last", mask=known)
    lengths = np.diff(matrix.indptr)
    if config.method == "rdma":
        if not rated:
            raise UnsupportedError(f"rdma compares ratings, and {dataset.name!r} has none.", hint="Use the method pca.")
        found = _rdma(matrix)
    else:
        found = -_weight_in_components(matrix, config.components, dataset.name)
    found[lengths == 0] = -np.inf
    return found


def detect(dataset: Dataset, config: DetectorConfig | None = None) -> Detected:
    """Who is held to be made up.

    The `share` most suspicious users may only be unusual. So it is asked which items they push. Of the n suspects c_i
    give item i the highest value there is, of the other users a share p_i:

        z_i = (c_i − n p_i) / sqrt(n p_i (1 − p_i) + 1)

    An item is pushed where z_i is at least `excess` and half of the largest z (after target item analysis, Zhou et al.
    2015: people of one taste also agree, but less than the profiles of one attack). Only suspects who push such an item
    are held to be made up; without one, nobody is. Raises what `suspicion` raises.

    Caveat: who knows the rule spreads the attack over more items and fewer profiles. An event of a user who looks made
    up may be genuine; look before deleting.
    """
    config = config or DetectorConfig()
    values = suspicion(dataset, config)
    count = min(max(round(config.share * dataset.n_users), 1), int(np.isfinite(values).sum()))
    suspects: BoolArray = np.zeros(dataset.n_users, dtype=np.bool_)
    suspects[np.argsort(-values, kind="stable")[:count]] = True
    events = dataset.events
    highest = events.items >= 0
    if dataset.rating_scale is not None:
        highest &= events.values >= dataset.rating_scale[1]
    praised = interaction_matrix(dataset, cell="one", mask=highest)
    of_suspects = np.asarray(praised[suspects].sum(axis=0)).ravel()
    others = np.asarray(praised[~suspects].sum(axis=0)).ravel() / max(int((~suspects).sum()), 1)
    excess = (of_suspects - count * others) / np.sqrt(count * others * (1 - others) + 1)
    pushed = np.flatnonzero(excess >= max(config.excess, 0.5 * float(excess.max(initial=0.0))))
    pushed = pushed[np.argsort(-excess[pushed], kind="stable")].astype(np.int64)
    pushes = np.asarray(praised[:, pushed].sum(axis=1)).ravel() > 0
    return Detected(suspicion=values, suspects=suspects, pushed=pushed, injected=suspects & pushes)


def without(dataset: Dataset, users: BoolArray) -> Dataset:
    """The dataset without the events of some users (U,); the users stay in its table, and keep their rows."""
    if users.shape != (dataset.n_users,):
        raise DataError(
            f"Marks of {users.shape} users came for {dataset.n_users}.", hint="Give one for each user of the dataset."
        )
    return dataset.select(~users[dataset.events.users])


def _rdma(matrix: csr_array) -> DoubleArray:
    counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
    means = np.bincount(matrix.indices, weights=matrix.data, minlength=matrix.shape[1]) / np.maximum(counts, 1)
    parts = np.abs(matrix.data - means[matrix.indices]) / counts[matrix.indices]
    owners = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    sums = np.bincount(owners, weights=parts, minlength=matrix.shape[0])
    return np.asarray(sums / np.maximum(np.diff(matrix.indptr), 1), dtype=np.float64)


def _weight_in_components(matrix: csr_array, components: int, name: str) -> DoubleArray:
    """``Σ_k w_uk²``, (U,), of the first left singular vectors of the rows' z-scores, which are never written out."""
    users, items = matrix.shape
    if min(users, items) <= components:
        raise DataError(
            f"{name!r} has {users} users and {items} items, too few for {components} components.",
            hint="Lower components.",
        )
    means = np.asarray(matrix.sum(axis=1)).ravel() / items
    squares = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel() / items
    scale = 1.0 / np.sqrt(np.maximum(squares - means**2, 1e-12))
    scale[np.diff(matrix.indptr) == 0] = 0.0

    def times(vector: DoubleArray) -> DoubleArray:
        vector = np.asarray(vector).ravel()
        return np.asarray(scale * (matrix @ vector - means * vector.sum()))

    def transposed(vector: DoubleArray) -> DoubleArray:
        weighed = scale * np.asarray(vector).ravel()
        return np.asarray(matrix.T @ weighed - means @ weighed)

    standard = LinearOperator((users, items), matvec=times, rmatvec=transposed, dtype=np.float64)
    start = np.full(min(users, items), 1.0 / np.sqrt(min(users, items)))  # so that the same data give the same answer
    left, _, _ = svds(standard, k=components, v0=start)
    return np.asarray((left**2).sum(axis=1), dtype=np.float64)
