"""What a blend of a tracker and further sources is a sum of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from penchant.data.histories import Histories
from penchant.data.sparse_rows import RowEntries
from penchant.types import DoubleArray, FloatArray, RowArray


class HistorySource(Protocol):
    """A recommender whose scores are sums over the events of the history."""

    def score(self, histories: Histories) -> FloatArray:
        """(B, I)"""

    def event_weights(self, history: Histories, items: RowArray) -> DoubleArray:
        """What each event of one user's history adds to the items' scores, (L, K); columns sum to the score."""

    def save(self, folder: Path) -> None:
        """Write what was learned."""


@dataclass(frozen=True, slots=True)
class Gates:
    """How much each source counts for each of B users.

    ``s_bi = offset_b + tracker_b · (u_b · z_i) + Σ_p beside_pb · q_pbi``. They depend on the user and the history,
    never on the item, so every score is a sum of named parts.
    """

    tracker_B: DoubleArray
    offset_B: DoubleArray
    beside: Mapping[str, DoubleArray]
    """(B,) of each source beside the tracker."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a blend is made of, from one pass over B histories."""

    users_BD: FloatArray
    """u_b; for an empty history the tracker's start."""
    beside: Mapping[str, FloatArray]
    """q_p, (B, I), or (1, I) where it is the same for all users."""
    gates: Gates
    entries: Mapping[str, RowEntries] = field(default_factory=dict)
    """The neighbours of one user's events by source, kept for `Interest.event_parts`."""

    def summed_beside(self) -> FloatArray:
        """Σ_p beside_pb · q_pbi, (B, I) or (1, 1): what all sources but the tracker add."""
        total = np.zeros((1, 1), dtype=np.float32)
        for name, scores in self.beside.items():
            total = total + scores * self.gates.beside[name][:, None].astype(np.float32)
        return total
