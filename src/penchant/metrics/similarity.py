"""Similarity of vectors, by one interface: `similarity` maps a name to a function of (B, D) and (I, D) to (B, I).

* dot ``s_ui = z_u·z_i``
* cosine ``s_ui = z_u·z_i / (‖z_u‖ ‖z_i‖)``: in [−1, 1], blind to length; 0 where either vector is zero
* pearson: the cosine of the two vectors less their own means, over the coordinates that both have (NaN: none); in
  [−1, 1]; 0 where either is constant there
* hyperbolic ``s_ui = −d(z_u, z_i)``: how near the two lie in hyperbolic space; at most 0
* hyperbolic_cosine ``s_ui = 1 / cosh d(z_u, z_i)``: the other reading of the name, in (0, 1]. It falls as d
  grows, so it ranks as ``hyperbolic`` does; they differ as logits
* neural: a small network over the two vectors, see `NeuralSimilarity`; the only one that must be learned first
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
from scipy.spatial.distance import cdist

from penchant.errors import NotFoundError, UnsupportedError
from penchant.types import AnyArray, DoubleArray

Similarity: TypeAlias = Callable[[AnyArray, AnyArray], AnyArray]
"""(B, D) and (I, D) to (B, I)"""
SimilarityName = Literal["dot", "cosine", "pearson", "hyperbolic", "hyperbolic_cosine", "neural"]
BALL_EDGE = 20.0
"""Vectors longer than this are read as this long in hyperbolic space: a radius of 1 − 10⁻¹⁷ in the unit ball."""
PAIRS_AT_ONCE = 65_536


def dot(left_BD: AnyArray, right_ID: AnyArray) -> AnyArray:
    """Dot products, (B, I), in the precision of the inputs."""
    products: AnyArray = left_BD @ right_ID.T
    return products


def cosine(left_BD: AnyArray, right_ID: AnyArray) -> AnyArray:
    """Cosines, (B, I), in the precision of the inputs; a zero vector is similar to nothing, itself included.

    Vectors of whole numbers are compared in float64.
    """
    cosines: AnyArray = np.clip(dot(unit(left_BD), unit(right_ID)), -1.0, 1.0)
    return cosines


def pearson(left_BD: AnyArray, right_ID: AnyArray) -> AnyArray:
    """Correlations over the coordinates that both vectors have, (B, I), in the precision of the inputs.

    ``s_ui = Σ_c (z_uc − m_u)(z_ic − m_i) / sqrt( Σ_c (z_uc − m_u)² · Σ_c (z_ic − m_i)² )``

    c runs over the coordinates where neither is NaN, and the means m are over the same c. Fewer than two of them, or a
    vector that is constant there, gives 0. Between rows of ratings with NaN for "not rated" this is the correlation on
    co-rated items (Resnick et al. 1994).
    """
    left, left_known = _centred(left_BD)
    right, right_known = _centred(right_ID)
    shared = left_known @ right_known.T
    ours, theirs = left @ right_known.T, left_known @ right.T  # (B, I) sums over the shared coordinates
    n = np.maximum(shared, 1.0)
    covariance = left @ right.T - ours * theirs / n
    square_sums = (left**2) @ right_known.T, left_known @ (right**2).T
    spreads = [np.maximum(total - part**2 / n, 0.0) for total, part in zip(square_sums, (ours, theirs), strict=True)]
    # A constant vector leaves rounding behind where the sums cancel: below this its spread is zero.
    real = [s > 1e-12 * np.maximum(total, 1e-300) for s, total in zip(spreads, square_sums, strict=True)]
    scale = np.sqrt(spreads[0]) * np.sqrt(spreads[1])
    good = (shared >= 2) & real[0] & real[1] & (scale > 0)
    values = np.divide(covariance, scale, out=np.zeros_like(covariance), where=good)
    correlations: AnyArray = np.clip(values, -1.0, 1.0).astype(np.result_type(left_BD, right_ID, np.float32))
    return correlations


def hyperbolic_distance(left_BD: AnyArray, right_ID: AnyArray) -> DoubleArray:
    """Distances in the Poincaré ball of the points that the vectors point to from its centre, (B, I), at least 0.

    ::

        p(z)     = tanh(‖z‖) z / ‖z‖                                        the exponential map at the centre
        d(u, v)  = arcosh( 1 + 2‖p(u) − p(v)‖² / ((1 − ‖p(u)‖²)(1 − ‖p(v)‖²)) )

    (Nickel and Kiela 2017; the map after Ganea et al. 2018). Any vector has a place in the ball, and length becomes
    distance from the centre: ``d(0, z) = 2‖z‖``. The formula divides by nearly nothing at the ball's edge, so the same
    number is computed by the hyperbolic law of cosines, with a = 2‖u‖, b = 2‖v‖ and θ the angle between them:

    ``cosh d = 1 + 2 sinh²((a − b)/2) + sinh a sinh b (1 − cos θ)``

    Worked: u = (½, 0), v = (0, ½): a = b = 1, θ = 90°: cosh d = 1 + sinh² 1 = 2.38110, so d = 1.51337.
    """
    left, right = np.asarray(left_BD, dtype=np.float64), np.asarray(right_ID, dtype=np.float64)
    a, b = _radii(left)[:, None], _radii(right)[None, :]
    turned = 0.5 * cdist(unit(left), unit(right), "sqeuclidean")  # 1 − cos θ, exactly 0 between equal vectors
    excess = 2.0 * np.sinh((a - b) / 2.0) ** 2 + np.sinh(a) * np.sinh(b) * turned  # cosh d − 1
    return np.asarray(np.log1p(excess + np.sqrt(excess) * np.sqrt(excess + 2.0)), dtype=np.float64)


def hyperbolic(left_BD: AnyArray, right_ID: AnyArray) -> AnyArray:
    """−d, (B, I), see `hyperbolic_distance`: symmetric, 0 and largest between equal vectors."""
    nearness: AnyArray = -hyperbolic_distance(left_BD, right_ID).astype(np.result_type(left_BD, right_ID, np.float32))
    return nearness


def hyperbolic_cosine(left_BD: AnyArray, right_ID: AnyArray) -> AnyArray:
    """1 / cosh d, (B, I), see `hyperbolic_distance`: symmetric, 1 and largest between equal vectors."""
    distances = hyperbolic_distance(left_BD, right_ID)
    nearness: AnyArray = (1.0 / np.cosh(distances)).astype(np.result_type(left_BD, right_ID, np.float32))
    return nearness


@dataclass(frozen=True, kw_only=True)
class NeuralSimilarity:
    """A network with one hidden layer over the two vectors and their product (He et al. 2017 give the family).

    ``s_ui = w · relu( W [z_u ; z_i ; z_u ∘ z_i] + b ) + c``

    The network sees the vectors, not two scores of them. It is learned as `penchant.training.scoring_heads` says.
    """

    hidden: AnyArray
    """W, (H, 3 D)"""
    hidden_bias: AnyArray
    """b, (H,)"""
    output: AnyArray
    """w, (H,)"""
    output_bias: float = 0.0
    """c"""

    def __call__(self, left_BD: AnyArray, right_ID: AnyArray) -> AnyArray:
        """The similarities, (B, I)."""
        dim = left_BD.shape[1]
        of_left, of_right, of_both = (self.hidden[:, k * dim : (k + 1) * dim] for k in range(3))
        ours, theirs = left_BD @ of_left.T + self.hidden_bias, right_ID @ of_right.T
        scores = np.empty((len(left_BD), len(right_ID)), dtype=np.result_type(left_BD, right_ID, np.float32))
        rows = max(1, PAIRS_AT_ONCE // max(len(right_ID), 1))
        for start in range(0, len(left_BD), rows):
            block = slice(start, start + rows)
            product = (left_BD[block, None] * right_ID[None]) @ of_both.T  # (rows, I, H)
            wide = np.maximum(ours[block, None] + theirs[None] + product, 0.0)
            scores[block] = wide @ self.output + self.output_bias
        return scores


def unit(vectors_ND: AnyArray) -> AnyArray:
    """The vectors at length one, (N, D); zero vectors stay zero. Vectors of whole numbers become float64.

    Each is divided by its largest coordinate first, so that the squares of very small or very large ones neither
    vanish nor overflow.
    """
    if not np.issubdtype(np.asarray(vectors_ND).dtype, np.floating):
        vectors_ND = np.asarray(vectors_ND, dtype=np.float64)
    largest = np.abs(vectors_ND).max(axis=-1, keepdims=True, initial=0.0)
    scaled = np.divide(vectors_ND, largest, out=np.zeros_like(vectors_ND), where=largest > 0)
    lengths = np.linalg.norm(scaled, axis=-1, keepdims=True)
    units: AnyArray = np.divide(scaled, lengths, out=np.zeros_like(scaled), where=lengths > 0)
    return units


SIMILARITIES: Mapping[str, Similarity] = MappingProxyType(
    {
        "dot": dot,
        "cosine": cosine,
        "pearson": pearson,
        "hyperbolic": hyperbolic,
        "hyperbolic_cosine": hyperbolic_cosine,
    }
)
"""Those that need no training."""
LEARNED = ("neural",)


def similarity(name: str, learned: NeuralSimilarity | None = None) -> Similarity:
    """The similarity called `name`; `learned` is what ``neural`` learned.

    `NotFoundError` for an unknown name, with the known ones; `UnsupportedError` for ``neural`` without its weights.
    """
    if name in LEARNED:
        if learned is None:
            raise UnsupportedError(
                f"The similarity {name!r} has to be learned before it can compare anything.",
                hint="Fit the model two_tower with similarity = 'neural', or use another similarity: "
                f"{', '.join(SIMILARITIES)}.",
            )
        return learned
    if name not in SIMILARITIES:
        raise NotFoundError(
            f"No similarity is called {name!r}.", hint=f"There are: {', '.join((*SIMILARITIES, *LEARNED))}."
        )
    return SIMILARITIES[name]


def _centred(vectors_ND: AnyArray) -> tuple[DoubleArray, DoubleArray]:
    """Vectors less their means over the coordinates they have, 0 elsewhere; and 1 where they have one, (N, D).

    Pairs centre again over what they share; taking the mean off first keeps large values from cancelling.
    """
    values = np.asarray(vectors_ND, dtype=np.float64)
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    means = filled.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.where(known, filled - means, 0.0), known.astype(np.float64)


def _radii(vectors_ND: DoubleArray) -> DoubleArray:
    """Distances from the centre of the ball, (N,)."""
    # Clipped before squaring: a coordinate beyond the edge already puts the vector there.
    lengths = np.linalg.norm(np.clip(vectors_ND, -BALL_EDGE, BALL_EDGE), axis=-1)
    return np.asarray(2.0 * np.minimum(lengths, BALL_EDGE), dtype=np.float64)
