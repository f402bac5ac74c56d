"""A light encoder without a neural network: texts by the terms they have, told in fewer directions.

Terms are weighed by TF-IDF, ``(1 + ln n_iv) · (ln((1 + I) / (1 + df_v)) + 1)`` with rows of length 1 (Salton and
Buckley 1988), and projected to D directions that the texts themselves give:

* ``svd``, latent semantic analysis (Deerwester et al. 1990): ``z = H w`` with H the first D right singular vectors
* ``nmf``, topics (Lee and Seung 1999): ``z = argmin_{z ≥ 0} ‖w − Hᵀz‖``, with ``W ≈ Z H``, both non-negative

Factors are scikit-learn's. A word that no text had says nothing here; `penchant.encoders.subword` reads those.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import orjson
import scipy.sparse as sp
from pydantic import Field
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.optimize import nnls

from penchant.artifacts import write_json
from penchant.config import Config
from penchant.encoders.stop_words import CHINESE, ENGLISH
from penchant.encoders.subword import WORD
from penchant.errors import BundleError, ConfigError, DataError
from penchant.progress import SILENT, Progress
from penchant.types import DoubleArray, FloatArray

DESCRIPTION, WEIGHTS = "terms.json", "terms.safetensors"
_LETTER = re.compile(r"[^\W_]")


class TermConfig(Config):
    """Which terms, and how they are projected."""

    factors: Literal["svd", "nmf"] = "svd"
    dim: int = Field(default=128, ge=1)
    """D, at most: fewer texts or terms give fewer"""
    max_terms: int = Field(default=20_000, ge=1)
    min_texts: int = Field(default=2, ge=1)
    """Texts that a term is in"""
    phrases: bool = True
    """Two neighbouring words are a term too; in Chinese, two characters"""
    stop_words: bool = True
    """Leave out function words and words of the trade"""
    seed: int = 0


class TermEncoder:
    """See the module; an `Encoder`. Immutable."""

    folder: Path | None = None
    """Where it was read from; None where it was learned."""

    def __init__(self, config: TermConfig, terms: Sequence[str], inverse: DoubleArray, directions: DoubleArray) -> None:
        """`inverse` (V,): how telling each term is. `directions`: H, (D, V)."""
        self.config, self._terms = config, tuple(terms)
        self._inverse, self._directions = inverse, directions
        self._columns = {term: column for column, term in enumerate(self._terms)}
        if config.factors == "nmf":  # min ‖w − Hᵀz‖ has the same z as min ‖L⁻¹Hw − Lᵀz‖ with H Hᵀ = L Lᵀ: D rows, not V
            self._lower = np.linalg.cholesky(directions @ directions.T + 1e-9 * np.eye(len(directions)))
        digest = hashlib.blake2b(directions.tobytes() + inverse.tobytes(), digest_size=8)
        digest.update(json.dumps([config.model_dump(), self._terms]).encode())
        self._identity = f"{self.name}-{digest.hexdigest()}"

    @classmethod
    def fit(cls, texts: Iterable[str], config: TermConfig | None = None) -> "TermEncoder":
        """Learn from plain texts; no labels. The same texts give the same vectors.

        `DataError` where no term is in `min_texts` texts.
        """
        from sklearn.decomposition import NMF, TruncatedSVD

        config = config or TermConfig()
        documents = [_terms(text, config) for text in texts]
        frequency = Counter(term for terms in documents for term in set(terms))
        kept = sorted(frequency.items(), key=lambda pair: (-pair[1], pair[0]))[: config.max_terms]
        names = sorted(term for term, n in kept if n >= config.min_texts)
        if not names:
            raise DataError(
                f"No term is in {config.min_texts} of the {len(documents)} texts.",
                hint="Give more texts, or lower min_texts.",
            )
        columns = {term: column for column, term in enumerate(names)}
        inverse = np.array([np.log((1 + len(documents)) / (1 + frequency[term])) + 1 for term in names])
        weights = _weights(documents, columns, inverse)
        dim = min(config.dim, *weights.shape)
        if config.factors == "nmf":
            start = "nndsvda" if dim < min(weights.shape) else "random"
            model = NMF(dim, init=start, random_state=config.seed, max_iter=1_000)
        elif dim < min(weights.shape):
            model = TruncatedSVD(dim, random_state=config.seed)
        else:  # as many directions as there are: no projection is smaller
            directions = np.linalg.svd(weights.toarray(), full_matrices=False)[2][:dim]
            return cls(config, names, inverse, directions)
        model.fit(weights)
        found = np.asarray(model.components_, dtype=np.float64)
        return cls(config, names, inverse, found[np.linalg.norm(found, axis=1) > 0])

    @property
    def name(self) -> str:
        """The name of the encoder."""
        return "tfidf" if self.config.factors == "svd" else "nmf"

    @property
    def licence(self) -> str:
        """It holds nothing but what it learned from the texts given."""
        return ""

    @property
    def identity(self) -> str:
        """A hash of settings, terms and directions."""
        return self._identity

    @property
    def dim(self) -> int:
        """D"""
        return len(self._directions)

    def top_terms(self, k: int) -> list[list[str]]:
        """The k heaviest terms of each of the D directions: what a topic of ``nmf`` is about."""
        return [[self._terms[v] for v in np.argsort(-row, kind="stable")[:k]] for row in self._directions]

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:
        """Unit vectors, (len(texts), D); a text without a known term gets a zero vector."""
        if isinstance(texts, str):
            raise ConfigError("encode takes several texts; one came.", hint="Put it in a list.")
        with progress.task("Encoding texts", total=len(texts)) as advance:
            weights = _weights([_terms(text, self.config) for text in texts], self._columns, self._inverse)
            read = np.asarray(weights @ self._directions.T)
            if self.config.factors == "nmf":
                read = np.array([nnls(self._lower.T, np.linalg.solve(self._lower, row))[0] for row in read])
            vectors = read.reshape(len(texts), self.dim)
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
            advance(len(texts))
        unit: DoubleArray = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-12)
        return unit.astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the encoder into an existing folder, for `load_encoder`."""
        save_file({"inverse": self._inverse, "directions": np.ascontiguousarray(self._directions)}, folder / WEIGHTS)
        write_json(folder / DESCRIPTION, {"config": self.config.model_dump(), "terms": self._terms})

    @classmethod
    def load(cls, folder: Path) -> "TermEncoder":
        """Read what `save` wrote; `BundleError` where it is damaged."""
        try:
            said = orjson.loads((folder / DESCRIPTION).read_bytes())
            config, terms = TermConfig.of(said["config"]), [str(term) for term in said["terms"]]
            arrays = load_file(folder / WEIGHTS)
            inverse, directions = arrays["inverse"], arrays["directions"]
        except (OSError, orjson.JSONDecodeError, SafetensorError, KeyError, TypeError, ValueError):
            raise BundleError(f"{folder} holds no whole term encoder.", hint="Fit it again.") from None
        if inverse.shape != (len(terms),) or directions.shape[1:] != inverse.shape:
            raise BundleError(f"{folder} holds directions of shape {directions.shape}.", hint="Fit it again.")
        found = cls(config, terms, inverse, directions)
        found.folder = folder.resolve()
        return found


def _terms(text: str, config: TermConfig) -> list[str]:
    words = [word for word in WORD.findall(text.casefold()) if _LETTER.search(word)]
    if not config.phrases:
        return [word for word in words if not _stops(word, config)]
    single = [word for word in words if not _stops(word, config)]
    double = [f"{a} {b}" for a, b in pairwise(words) if not (_stops(a, config) or _stops(b, config))]
    return single + double


def _stops(word: str, config: TermConfig) -> bool:
    return config.stop_words and (word in ENGLISH or word in CHINESE)


def _weights(documents: Sequence[Sequence[str]], columns: dict[str, int], inverse: DoubleArray) -> sp.csr_array:
    """TF-IDF, (I, V) with rows of length 1 or 0."""
    counts = [Counter(columns[term] for term in terms if term in columns) for terms in documents]
    indptr = np.cumsum([0, *(len(count) for count in counts)])
    indices = np.fromiter((column for count in counts for column in count), dtype=np.int64, count=indptr[-1])
    values = np.fromiter((n for count in counts for n in count.values()), dtype=np.float64, count=indptr[-1])
    weights = sp.csr_array(((1 + np.log(values)) * inverse[indices], indices, indptr), (len(documents), len(inverse)))
    lengths = np.sqrt(np.asarray(weights.power(2).sum(axis=1)).ravel())
    weights.data = weights.data / np.repeat(np.where(lengths > 0, lengths, 1), np.diff(indptr))
    return weights
