"""Which of given names fits a concept that has none: names and items' texts in one space.

What a language model says of a name alone puts near relatives first: "historical mystery" before "cozy mystery", though
none of the items bears that name. Three steps mend it (measured in `experiments/interests/hidden_tags`):

1. Directions in which all texts differ anyway count less. With Σ the covariance of item texts around their mean, all
   vectors are taken as ``v ← Rᵀ v / ‖Rᵀ v‖, R Rᵀ = (Σ + β (tr Σ / D) I)⁻¹`` (the discriminant of one concept's items
   against all, shrunk: Friedman, "Regularized discriminant analysis", JASA 84(405), 1989).
2. A name is moved to where the items of names that read like it lie. Of the M names whose concepts' centroids c_m are
   known: ``n̂ = n + K_nM (K_MM + λ I)⁻¹ (c_M − n_M)``, scaled to length one, with K the cosines of the names around
   their mean (kernel ridge regression).
3. A name that has a concept is spoken for. What is ranked is how much rather the concept c is meant than those known:
   ``ℓ_nc = n̂·c / τ − log Σ_m exp(n̂·c_m / τ)``, an inverted softmax (Smith, Turban, Hamblin and Hammerla, "Offline
   bilingual word vectors, orthogonal transformations and the inverted softmax", ICLR 2017).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from scipy.special import logsumexp

from penchant.concepts.kinship import ItemTexts
from penchant.concepts.vocabulary import Vocabulary
from penchant.concepts.words import key
from penchant.config import Config
from penchant.errors import DataError
from penchant.interfaces import Encoder
from penchant.types import DoubleArray, FloatArray

LEAST_LENGTH = 1e-9


class NamingConfig(Config):
    """Names that kinds may be called, and how they are compared."""

    names: tuple[str, ...] = ()
    """Names for kinds: one is called by the name that fits it best of all, if it is the kind that the name fits best.
    Without, and where none fits, a kind is called after words of its items."""
    shrinkage: float = Field(default=3.0, gt=0)
    """β: how nearly all directions of the texts count the same."""
    ridge: float = Field(default=0.3, gt=0)
    """λ: how far names stay where the language model puts them."""
    temperature: float = Field(default=0.1, gt=0)
    """τ, in cosines."""


def fitting(
    texts_ID: FloatArray,
    names_ND: FloatArray,
    known_IM: sp.csr_array,
    sought_IK: sp.csr_array,
    config: NamingConfig | None = None,
) -> DoubleArray:
    """ℓ, (N, K): how well N names fit K concepts by the texts of the items that activate these.

    The first M names are those of the concepts `known_IM` (I, M); nothing is known of the others. A concept without
    texts fits every name alike (0 against the known ones). `DataError` where the shapes do not go together.
    """
    config = config or NamingConfig()
    (n_items, dim), n_known = texts_ID.shape, known_IM.shape[1]
    if names_ND.shape[1] != dim or n_known > len(names_ND) or {known_IM.shape[0], sought_IK.shape[0]} != {n_items}:
        raise DataError(
            f"Texts are {texts_ID.shape}, names {names_ND.shape}, concepts {known_IM.shape} and {sought_IK.shape}.",
            hint="Give texts and names of one encoder, a name for each known concept, and a row for each item.",
        )
    texts = ItemTexts(texts_ID)
    vectors = texts.vectors.astype(np.float64)
    covariance = vectors.T @ vectors / max(n_items, 1)
    shrunk = covariance + max(config.shrinkage * float(np.trace(covariance)) / dim, LEAST_LENGTH) * np.eye(dim)
    root = np.linalg.cholesky(np.linalg.inv(shrunk))
    known, sought = (_unit(texts.centroids(part).astype(np.float64) @ root) for part in (known_IM, sought_IK))
    names = _unit(names_ND.astype(np.float64) - names_ND.mean(axis=0, dtype=np.float64))
    told = np.flatnonzero(np.any(known != 0, axis=1))
    known, begun, alike = known[told], _unit(names @ root), names @ names[told].T
    moved = np.linalg.solve(alike[told] + config.ridge * np.eye(len(told)), known - begun[told])
    placed = _unit(begun + alike @ moved)
    fits: DoubleArray = placed @ sought.T / config.temperature
    if len(told):
        fits -= logsumexp(placed @ known.T / config.temperature, axis=1, keepdims=True)
    return fits


def with_names(vocabulary: Vocabulary, texts_ID: FloatArray, encoder: Encoder, config: NamingConfig) -> Vocabulary:
    """The vocabulary with kinds called by names of the settings, each given once.

    A kind gets a name where of all names, those of other concepts among them, it fits the kind best, and of all kinds
    this one. The words it was called after stay as an alias; so does its id. Names that a concept has are passed over.
    """
    taken = {key(name) for concept in vocabulary.concepts for name in (concept.name, *concept.aliases)}
    offered = [name.strip() for name in config.names if key(name) and key(name) not in taken]
    offered = list({key(name): name for name in reversed(offered)}.values())[::-1]
    is_kind = np.array([concept.kind == "kind" for concept in vocabulary.concepts], dtype=np.bool_)
    named, kinds = np.flatnonzero(~is_kind), np.flatnonzero(is_kind)
    if not offered or not len(kinds):
        return vocabulary
    names = [*(vocabulary.concepts[c].name for c in named), *offered]
    known, sought = sp.csr_array(vocabulary.bears[:, named] > 0), vocabulary.activations[:, kinds]
    fits = fitting(texts_ID, encoder.encode(names), known.astype(np.float64), sought, config)
    concepts = list(vocabulary.concepts)
    for n, k in mutual(fits):
        if n >= len(named):
            was = concepts[kinds[k]]
            concepts[kinds[k]] = replace(was, name=names[n], aliases=(was.name, *was.aliases))
    return replace(vocabulary, concepts=tuple(concepts))


def mutual(fits_NK: DoubleArray) -> Sequence[tuple[int, int]]:
    """Pairs of a name and a concept that fit each other better than any other."""
    best_N, best_K = fits_NK.argmax(axis=1), fits_NK.argmax(axis=0)
    return [(int(n), k) for k, n in enumerate(best_K) if best_N[n] == k]


def _unit(vectors: DoubleArray) -> DoubleArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > LEAST_LENGTH, lengths, 1.0))
