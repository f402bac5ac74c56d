"""Small catalogues, and language models whose vectors are known."""

from collections.abc import Mapping, Sequence

import numpy as np

from penchant.concepts.proposals import Catalogue, Proposal
from penchant.data.dataset import Table
from penchant.progress import SILENT, Progress
from penchant.types import FloatArray, ObjectArray


def column(values) -> ObjectArray:
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = value
    return array


def table(**columns) -> Table:
    n = len(next(iter(columns.values())))
    return Table(tuple(str(i) for i in range(n)), {name: column(values) for name, values in columns.items()})


def catalogue(
    *, min_items: int = 3, max_share: float = 1.0, encoder=None, vectors=None, seed=0, **columns
) -> Catalogue:
    return Catalogue(
        items=table(**columns), min_items=min_items, max_share=max_share, encoder=encoder, vectors=vectors, seed=seed
    )


def proposal(name: str, rows: Sequence[int], *, kind: str = "tags", **changes) -> Proposal:
    places = np.array(sorted(rows), dtype=np.int64)
    return Proposal(kind=kind, name=name, rows=places, weights=np.ones(len(places), dtype=np.float32), **changes)


class BagOfWords:
    """An encoder whose vectors are the words of a text, each a dimension of its own; names may be given vectors."""

    folder = None
    name, licence, identity = "bag of words", "", "bag-of-words"

    def __init__(self, *, dim: int = 64, vectors: Mapping[str, Sequence[float]] | None = None) -> None:
        self.dim = dim
        self._places: dict[str, int] = {}
        self._vectors = {name: np.asarray(vector, dtype=np.float32) for name, vector in (vectors or {}).items()}
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:  # noqa: ARG002
        self.asked += texts
        table = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            if text in self._vectors:
                table[row, : len(self._vectors[text])] = self._vectors[text]
            else:
                for word in text.casefold().replace(",", " ").split():
                    table[row, self._places.setdefault(word, len(self._places))] += 1
        lengths = np.linalg.norm(table, axis=1, keepdims=True)
        return (table / np.where(lengths > 0, lengths, 1)).astype(np.float32)
