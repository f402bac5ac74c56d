"""How much each source counts in a sum of sources, chosen for the ranking of validation cases."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from penchant.data.histories import Cases
from penchant.metrics.ranking import mask_history, ndcg_at
from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray, RowArray

_SMALL = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0)
WEIGHTS = (*_SMALL, 24.0, 48.0, 96.0, 192.0, 384.0, 768.0)
"""Weights tried for a source; under the largest the lead only decides between equals."""
POOL = 200
"""Items of each source that a validation case keeps."""
GROUPS = 3
"""Groups of users by the length of their histories that may have weights of their own."""
SMALLEST_GROUP = 500
"""Cases that a group needs, so that its weights are not chance."""
MARGIN = 0.002
"""Gain, as a share of the metric, below which nothing is worth a weight: a source that hardly helps those who were
asked may hurt those who were not, such as users without events."""
ROUNDS = 2
FLOOR = np.float32(-1e30)

Scores = Callable[[Cases], tuple[FloatArray, Sequence[FloatArray]]]
"""The leading scores (B, I) of some cases, and those of P further sources at weight 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """``s = lead + Σ_p w_p(L) source_p`` with weights that depend on the length L of the history, never on the item."""

    edges: tuple[int, ...]
    """Lengths at which a new group begins."""
    weights: Mapping[str, tuple[float, ...]]
    """For each source one weight a group; a source that does not pay is not in it."""
    validation: Mapping[str, float]
    """NDCG@10 on validation: of the lead alone (``lead``), and of the blend as each source joined it."""

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> "Blend":
        """Weights given, the same for all users."""
        return cls(edges=(), weights={name: (w,) for name, w in weights.items() if w}, validation={})

    def weight(self, source: str, lengths_B: IntArray) -> DoubleArray:
        """The source's weight for histories of these lengths, (B,)."""
        groups = np.searchsorted(np.asarray(self.edges, dtype=np.int64), lengths_B, side="right")
        return np.asarray(self.weights[source], dtype=np.float64)[groups]


@dataclass(frozen=True, slots=True)
class Pool:
    """The items of each case that some blend could rank high, and what each source says of them.

    M items a case: the best `POOL` of each source among those outside the history. An item that no source puts there
    cannot be in a blend's first places, but by many sources agreeing on it halfway.
    """

    items_BM: RowArray
    lead_BM: FloatArray
    """`FLOOR` where an item is there already."""
    sources_PBM: FloatArray
    owners_T: IntArray
    """The case of each target."""
    target_indptr: IntArray
    targets_T: RowArray
    lead_T: FloatArray
    sources_PT: FloatArray
    lengths_B: IntArray

    @classmethod
    def gather(cls, cases: Cases, scores: Scores, *, batches: Iterator[slice]) -> "Pool":
        """Ask all sources once about all cases."""
        parts = [cls._of(part, *scores(part)) for part in (cases.take(place) for place in batches)]
        width = max((part[0].shape[1] for part in parts), default=0)

        def padded(arrays: Sequence[FloatArray | RowArray], fill: float) -> FloatArray:
            pads = [[(0, 0)] * (a.ndim - 1) + [(0, width - a.shape[-1])] for a in arrays]
            return np.concatenate(
                [np.pad(a, pad, constant_values=fill) for a, pad in zip(arrays, pads, strict=True)], axis=-2
            )

        lengths = np.diff(cases.target_indptr)
        return cls(
            items_BM=padded([part[0] for part in parts], -1).astype(np.int32),
            lead_BM=padded([part[1] for part in parts], float(FLOOR)),
            sources_PBM=padded([part[2] for part in parts], 0.0),
            owners_T=np.repeat(np.arange(len(cases)), lengths),
            target_indptr=cases.target_indptr,
            targets_T=cases.target_items,
            lead_T=np.concatenate([part[3] for part in parts]),
            sources_PT=np.concatenate([part[4] for part in parts], axis=1),
            lengths_B=cases.histories.lengths,
        )

    @staticmethod
    def _of(
        cases: Cases, lead_BI: FloatArray, sources: Sequence[FloatArray]
    ) -> tuple[RowArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        masked = np.maximum(mask_history(lead_BI, cases), FLOOR)  # the history is below everything
        out = masked == FLOOR
        keep = min(POOL, lead_BI.shape[1])
        best = [_best(masked, keep), *(_best(np.where(out, FLOOR, source), keep) for source in sources)]
        items = np.sort(np.concatenate(best, axis=1), axis=1)
        again = np.zeros(items.shape, dtype=np.bool_)
        again[:, 1:] = items[:, 1:] == items[:, :-1]
        lead = np.where(again, FLOOR, np.take_along_axis(masked, items, axis=1))
        beside = np.stack([np.take_along_axis(source, items, axis=1) for source in sources] or [lead[:0]])
        owners = np.repeat(np.arange(len(cases)), np.diff(cases.target_indptr))
        targets = cases.target_items
        asked = np.stack([source[owners, targets] for source in sources] or [lead[:0, 0]])
        return items.astype(np.int32), lead, beside, lead_BI[owners, targets], asked

    def ndcg(self, weights_PB: DoubleArray, *, ties: RowArray, k: int) -> DoubleArray:
        """NDCG@k of each case, (B,), for a blend with these weights."""
        weights = weights_PB.astype(np.float32)
        scores = self.lead_BM + np.einsum("pb,pbm->bm", weights, self.sources_PBM)
        asked = self.lead_T + (weights[:, self.owners_T] * self.sources_PT).sum(axis=0)
        others, items = scores[self.owners_T], self.items_BM[self.owners_T]
        ahead: BoolArray = others > asked[:, None]
        ahead |= (others == asked[:, None]) & (ties[items] < ties[self.targets_T][:, None])
        ranks = (ahead & (items != self.targets_T[:, None])).sum(axis=1)
        return np.asarray(ndcg_at(ranks, self.target_indptr, k), dtype=np.float64)


def choose(pool: Pool, names: Sequence[str], *, ties: RowArray, k: int) -> Blend:
    """Weights with the best mean NDCG@k, by coordinate ascent over `WEIGHTS`; the smallest of equals.

    A source joins, and a group of users leaves the common weight for one of its own, only where that gains more than
    one standard error of the paired difference and than `MARGIN`: what does not pay stays out.
    """
    lengths = pool.lengths_B
    common = np.zeros((len(names), len(lengths)))

    def value(weights: DoubleArray) -> DoubleArray:
        return pool.ndcg(weights, ties=ties, k=k)

    now = value(common)
    validation = {"lead": float(now.mean()) if len(now) else 0.0}
    for _ in range(ROUNDS):
        for p, name in enumerate(names):
            without = common.copy()
            without[p] = 0.0
            found = _best_weight(value, without, p, np.ones(len(lengths), dtype=np.bool_))
            if found is not None:
                common, now = found
                validation[name] = float(now.mean())
            elif common[p].any():
                common, now = without, value(without)
                validation.pop(name, None)
    edges = _edges(lengths)
    groups = np.searchsorted(np.asarray(edges, dtype=np.int64), lengths, side="right")
    for p in np.flatnonzero(common.any(axis=1)).tolist():
        for group in range(len(edges) + 1 if edges else 0):
            found = _best_weight(value, common, p, groups == group)
            if found is not None:
                common, now = found
    validation["blend"] = float(now.mean()) if len(now) else 0.0
    firsts = [np.flatnonzero(groups == group)[0] for group in range(len(edges) + 1)] if len(lengths) else []
    weights = {name: tuple(float(common[p, first]) for first in firsts) for p, name in enumerate(names)}
    return Blend(edges=edges, weights={n: w for n, w in weights.items() if any(w)}, validation=validation)


def _best_weight(
    value: Callable[[DoubleArray], DoubleArray], weights_PB: DoubleArray, p: int, among_B: BoolArray
) -> tuple[DoubleArray, DoubleArray] | None:
    """The weights and values with source p at its best for the cases `among_B`; None where none pays."""
    if not among_B.any():
        return None
    before = value(weights_PB)
    best, gained = None, 0.0
    for weight in WEIGHTS:
        tried = weights_PB.copy()
        tried[p, among_B] = weight
        after = value(tried)
        gains = (after - before)[among_B]
        least = max(float(gains.std()) / len(gains) ** 0.5, MARGIN * float(before[among_B].mean()))
        if gains.mean() > max(gained, least):
            best, gained = (tried, after), float(gains.mean())
    return best


def _edges(lengths_B: IntArray) -> tuple[int, ...]:
    """Where groups of about equal size begin; fewer groups where they would be small."""
    groups = min(GROUPS, len(lengths_B) // SMALLEST_GROUP)
    if groups < 2:
        return ()
    cuts = np.quantile(lengths_B, np.arange(1, groups) / groups, method="higher")
    return tuple(int(cut) for cut in np.unique(cuts) if cut > lengths_B.min())


def _best(scores_BI: FloatArray, keep: int) -> IntArray:
    """Columns of each row's highest scores, (B, keep), in no order."""
    return np.argpartition(scores_BI, scores_BI.shape[1] - keep, axis=1)[:, scores_BI.shape[1] - keep :]
