"""What an edit costs elsewhere, expected over targets, beside the least that any edit could cost. Used by measure.py.

One target a user makes few hits. So every item of a slate that is not of the concept is taken for the target, with the
share of users whose target is at its place (before any edit)::

    cost = Σ_i p(r_i) (g(r'_i) − g(r_i)),    g(r) = 1/log₂(r + 1) for r ≤ k, else 0

with r before and r' after the edit. The **least** change of a slate that moves the concept's exposure the right way
replaces one item: up, the lowest that has least of the concept goes and another comes in as the last; down, the lowest
item of the concept goes and all below it move up. No edit that is seen costs less than the first; the sum of sources
cannot do only that, since an interest is one weight of all items of its concept.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penchant.pipeline.interest_model import InterestModel

SHOWN = 30
"""Items of a slate that are looked at: those below the first k may come up."""


def gain(rank: int, k: int) -> float:
    """g: what a target at this place adds to NDCG@k; 0 for one that is not there (rank 0)."""
    return 1 / math.log2(rank + 1) if 0 < rank <= k else 0.0


def target_places(model: InterestModel, targets: Mapping[str, str]) -> np.ndarray:
    """p, (SHOWN,): the share of users whose target is at each place of their slate."""
    places: Counter[int] = Counter()
    for user, target in targets.items():
        slate = model.recommend(user, SHOWN, explain=False)
        places[next((item.rank for item in slate.items if item.item_id == target), 0)] += 1
    return np.array([places[rank] / len(targets) for rank in range(1, SHOWN + 1)])


def least_change(down: bool, of: Sequence[float], k: int) -> list[int]:
    """The places of items 1 … n after the least change that lowers (else raises) the concept's exposure.

    `of` are their activations of it. Where there is nothing to lower every item stays.
    """
    first = list(of[:k])
    if down and not any(first):
        return list(range(1, len(of) + 1))
    gone = max(i for i in range(k) if (first[i] > 0 if down else first[i] == min(first)))
    ranks = list(range(1, len(of) + 1))
    ranks[gone] = k + 1
    for i in range(gone + 1, min(k + down, len(of))):
        ranks[i] -= 1
    return ranks


class ByPlace:
    """Expected costs of edits, and of the least changes, by action."""

    def __init__(self, places: np.ndarray, k: int) -> None:
        self.places, self.k = places, k
        self.costs: dict[str, list[tuple[float, float, float]]] = defaultdict(list)

    def add(self, action: str, of: Sequence[float], clear: Sequence[bool], after: Sequence[int]) -> None:
        """An edit: of each item before it its activation, whether it is not of the concept, and its place after it."""
        least = least_change(action == "less", of, self.k)

        def expected(ranks: Sequence[int]) -> float:
            return sum(
                self.places[i] * gain(rank, self.k) for i, rank in enumerate(ranks) if clear[i] and i < len(self.places)
            )

        self.costs[action].append((expected(range(1, len(of) + 1)), expected(after), expected(least)))

    def told(self) -> dict[str, Any]:
        """Relative changes of NDCG with their standard errors over draws, and what the last of k places holds."""
        holds = np.array([self.places[rank - 1] * gain(rank, self.k) for rank in range(1, self.k + 1)])
        found: dict[str, Any] = {"share_of_ndcg_at_the_last_place": float(holds[-1] / max(holds.sum(), 1e-12))}
        together = [one for action in ("more", "less", "pin") for one in self.costs[action]]
        for name, costs in (*sorted(self.costs.items()), ("more, less and pin", together)):
            before, after, least = np.array(costs).T
            mean = float(before.mean())
            found[name] = {"draws": len(costs)}
            for kind, change in (("change", after - before), ("least_change", least - before)):
                error = float(change.std(ddof=1)) / math.sqrt(len(costs)) if len(costs) > 1 else math.nan
                found[name] |= {kind: float(change.mean()) / mean, f"{kind}_standard_error": error / mean}
        return found
