"""What the weight of a reranker means, and the vectors by which items are compared."""

from typing import Annotated

import numpy as np
from pydantic import Field

from penchant.errors import UnsupportedError
from penchant.interfaces import Candidates, ItemFacts, Preference
from penchant.metrics.similarity import unit
from penchant.types import DoubleArray

Weight = Annotated[float, Field(ge=0, le=1)]
"""How much the list counts against the scores, w: 0 leaves the scores, 1 lets them decide among equals only."""

CLOSEST = 1e-6
"""1 − w is at least this."""


def exchange(weight: float, candidates: Candidates) -> float:
    """What one unit of the list's goodness is worth in the scores' unit: ``w / (1 − w) · span``.

    ``(1 − w) r + w g`` and ``r + w / (1 − w) g`` order alike; with ``r = (s − lowest) / span`` so does
    ``s + exchange · g``, which leaves the score as it is and adds to it.
    """
    return weight / max(1.0 - weight, CLOSEST) * candidates.span


class Fixed(Preference):
    """Values that do not depend on what was chosen."""

    def __init__(self, values: DoubleArray) -> None:
        self.values = values

    def choose(self, n: int) -> None:
        """Nothing changes."""


def compared(candidates: Candidates, facts: ItemFacts, *, reranker: str) -> DoubleArray:
    """Unit vectors of the candidates, (N, D): the items' own, else their labels.

    `UnsupportedError` where the facts hold neither.
    """
    if facts.vectors is not None:
        return np.asarray(unit(facts.vectors[candidates.items].astype(np.float64)))
    if facts.labels is not None:
        return np.asarray(unit(facts.labels[candidates.items].toarray().astype(np.float64)))
    raise UnsupportedError(
        f"{reranker} compares items, and there are neither vectors nor labels of them.",
        hint="Fit with item texts, or import categories or tags; novelty and popularity_debias need neither.",
    )
