"""What is meant and not named: clauses compared with the names of concepts by a language model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.errors import DataError
from penchant.interfaces import Encoder, plain
from penchant.progress import SILENT, Progress
from penchant.types import BoolArray, DoubleArray, FloatArray

RUN = 2048
"""Clauses compared at a time, so that memory is (RUN, C) however many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A least cosine and how well it tells what is meant from what is not, on the data it was chosen on."""

    cosine: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def best_threshold(cosines_NC: FloatArray | DoubleArray, meant_NC: BoolArray) -> Threshold:
    """The least cosine at which F1 over all pairs of clause and concept is highest; the higher one of equals.

    `DataError` where shapes differ, or no pair is meant: there is nothing to choose by.
    """
    if cosines_NC.shape != meant_NC.shape or not meant_NC.any():
        raise DataError(
            f"Cosines are {cosines_NC.shape}, labels {meant_NC.shape} with {int(meant_NC.sum())} pairs that are meant.",
            hint="Give one label for each cosine, some of them true.",
        )
    order = np.argsort(-cosines_NC.ravel(), kind="stable")
    cosines, right = cosines_NC.ravel()[order], np.cumsum(meant_NC.ravel()[order])
    last = np.append(cosines[1:] != cosines[:-1], True)  # equal cosines are in or out together
    precision = right / np.arange(1, len(right) + 1)
    recall = right / right[-1]
    f1 = np.where(last, 2 * precision * recall / np.maximum(precision + recall, 1e-12), -1.0)
    best = int(np.argmax(f1))
    return Threshold(cosine=float(cosines[best]), precision=float(precision[best]), recall=float(recall[best]))


class Meaning:
    """Concepts that a clause is close to: ``cos(clause, name) ≥ threshold``; the activation is the cosine.

    The default threshold was chosen for all-MiniLM-L6-v2 on 30 planted sentences (precision .91, recall .70; .26 has
    the best F1, .87, at a precision of .87, but evidence that is wrong costs more than evidence that is missed) and
    reaches precision .82 and recall .77 on 30 others. Another encoder or catalogue wants its own, see `best_threshold`.
    """

    def __init__(self, encoder: Encoder, names: Sequence[str], *, threshold: float = 0.3, at_most: int = 2) -> None:
        """`names`: those of the C concepts, in their order. `at_most`: concepts of one clause, the closest first.

        Both are read by `plain(encoder)`.
        """
        self.encoder, self.threshold, self.at_most = plain(encoder), threshold, at_most
        self.names_CD = self.encoder.encode(list(names))

    def cosines(self, clauses: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:
        """(len(clauses), C); 0 for a clause or a name without words."""
        return np.asarray(self.encoder.encode(list(clauses), progress=progress) @ self.names_CD.T)

    def meant(self, clauses: Sequence[str], *, progress: Progress = SILENT) -> list[list[tuple[int, float]]]:
        """For each clause its concepts with their activations in (0, 1], the closest first."""
        found: list[list[tuple[int, float]]] = []
        for start in range(0, len(clauses), RUN):
            cosines_NC = self.cosines(clauses[start : start + RUN], progress=progress)
            for row in cosines_NC:
                near = np.flatnonzero(row >= max(self.threshold, 1e-6))
                near = near[np.argsort(-row[near], kind="stable")][: self.at_most]
                found.append([(int(c), min(float(row[c]), 1.0)) for c in near])
        return found
