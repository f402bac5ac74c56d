"""What unlabelled events say of whether a user likes an item: numbers that need no rating of anybody."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.data.histories import Histories
from penchant.errors import DataError
from penchant.seeding import numpy_rng
from penchant.types import AnyArray, DoubleArray, FloatArray, IntArray, RowArray

FEATURES = (
    "popularity",
    "affinity",
    "user_affinity",
    "nearest_text",
    "age",
    "turned_to_first",
    "activity",
    "audience_activity",
    "audience_popularity",
    "place",
)
"""The columns of `BehaviourFeatures.of` before the components."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourFeatures:
    """Features of (user, item) pairs from who took what and when, and from what items are about; no rating is read.

    With p_i the users that took item i, c_ij those that took both i and j, h the user's history without i, and every
    count without the user who is asked about:

    - ``popularity``: log p_i
    - ``affinity``: ``log mean_{j in h} c_ij / p_j − ½ log p_i``: how far those who took what this user took also took
      i, half set free of how much it is taken at all
    - ``user_affinity``: its mean over the user's history: how much he is like others
    - ``nearest_text``: the largest cosine of i's text to those of h, less the mean over the user's history
    - ``age``: how far back i lies among all items, in ranks from 0 to 1 (½ where there is no date)
    - ``turned_to_first``: how early in their histories users took i, on average
    - ``activity``: log events of the user; ``audience_activity``, ``audience_popularity``: of those who took i, the
      mean of that, and of the popularity of what they take
    - ``place``: how far on in the history i came (½ for an item that is not in it)

    each brought to mean 0 and deviation 1 over the events it was fitted on; then the principal components of the items'
    texts and of who took them (singular vectors of ``c``-like counts scaled by both margins), each block with mean
    square 1 a component.
    """

    names: tuple[str, ...]
    """Of the columns: `FEATURES`, then ``text 1`` …, then ``taken 1`` …"""
    taken: sp.csc_array
    """(U, I) ones where a user took an item"""
    per_item: DoubleArray
    """(I, 5) popularity, age, turned_to_first, audience_activity, audience_popularity before scaling"""
    texts: FloatArray
    """(I, D) unit vectors"""
    components: DoubleArray
    """(I, C)"""
    means: DoubleArray
    deviations: DoubleArray
    """(10,) of the columns before the components"""

    @classmethod
    def fit(
        cls,
        histories: Histories,
        texts_ID: FloatArray,
        *,
        dates: AnyArray | None = None,
        components: int = 32,
        seed: int = 0,
    ) -> "BehaviourFeatures":
        """From all users' events, values unread. `histories.users` tells who is who later; `dates` (I,) say how old
        items are, NaN where it is not known, in any rising unit.

        `DataError` where there are no events, or vectors or dates that are not those of the items.
        """
        n_items, owners = len(texts_ID), np.repeat(np.arange(len(histories)), histories.lengths)
        histories.check_items(n_items)
        if not len(histories.items) or (dates is not None and len(dates) != n_items):
            raise DataError("No events came, or dates of other items.", hint="Give events, and one date an item.")
        entries = np.ones(len(owners)), (owners, histories.items)
        taken = sp.coo_array(entries, shape=(len(histories), n_items)).tocsc()
        taken.data[:] = 1.0
        counts = np.asarray(taken.sum(axis=0), dtype=np.float64).ravel()
        popularity, activity = np.log(np.maximum(counts, 1)), np.log(np.maximum(histories.lengths, 1))
        taste = _mean(owners, popularity[histories.items], len(histories))
        place = (np.arange(len(owners)) - histories.indptr[owners]) / np.maximum(histories.lengths[owners], 1)
        per_item = np.stack(
            [
                popularity,
                _ages(dates, n_items),
                -_mean(histories.items, place, n_items),
                _mean(histories.items, activity[owners], n_items),
                _mean(histories.items, taste[owners], n_items),
            ],
            axis=1,
        )
        blocks = [_text_components(texts_ID, histories.items, components), _taken_components(taken, components, seed)]
        found = cls(
            names=(*FEATURES, *_numbered("text", blocks[0]), *_numbered("taken", blocks[1])),
            taken=taken,
            per_item=per_item,
            texts=texts_ID,
            components=np.concatenate([_scaled(block, histories.items) for block in blocks], axis=1),
            means=np.zeros(len(FEATURES)),
            deviations=np.ones(len(FEATURES)),
        )
        own = found.of(histories, owners, histories.items)[:, : len(FEATURES)]
        found.means[:], spread = own.mean(axis=0), own.std(axis=0)
        found.deviations[:] = np.where(spread > 0, spread, 1.0)
        return found

    @property
    def components_at(self) -> tuple[slice, slice]:
        """The columns of the text's components, and of those of who took what."""
        text = sum(name.startswith("text ") for name in self.names)
        begin = len(FEATURES)
        return slice(begin, begin + text), slice(begin + text, len(self.names))

    def of(self, histories: Histories, cases_P: IntArray, items_P: RowArray | IntArray) -> DoubleArray:
        """(P, F) the features of each pair: history ``cases_P[p]`` and item ``items_P[p]``.

        An item's own event is left out of the history; a user of the fit (``histories.users`` ≥ 0) is left out of the
        counts.
        """
        found = np.empty((len(cases_P), len(FEATURES)))
        order = np.argsort(cases_P, kind="stable")
        bounds = np.searchsorted(cases_P[order], np.arange(len(histories) + 1))
        for case in np.unique(cases_P).tolist():
            rows = order[bounds[case] : bounds[case + 1]]
            known = int(histories.users[case]) >= 0
            found[rows] = self._of_one(histories.items[histories.of(case)], items_P[rows], known=known)
        return np.concatenate([(found - self.means) / self.deviations, self.components[items_P]], axis=1)

    def _of_one(self, history: RowArray, items: RowArray | IntArray, *, known: bool) -> DoubleArray:
        places = {int(item): place for place, item in enumerate(history)}
        own = np.array([int(item) in places for item in items])
        everything, at = np.unique(np.concatenate([items, history]).astype(np.int64), return_inverse=True)
        affinity, nearest = self._affinity(history, everything, known=known), self._nearest(history, everything)
        asked, had = at[: len(items)], at[len(items) :]
        usual = (affinity[had].mean(), nearest[had].mean()) if len(history) else (0.0, 0.0)
        place = np.array([places.get(int(item), len(history) / 2) for item in items]) / max(len(history), 1)
        popularity, age, first, active, taste = self.per_item[items].T
        same = np.ones(len(items))
        return np.stack(
            [
                np.log(np.maximum(np.exp(popularity) - own * known, 0.5)),
                affinity[asked],
                same * usual[0],
                nearest[asked] - usual[1],
                age,
                first,
                same * np.log(max(len(history), 1)),
                active,
                taste,
                place,
            ],
            axis=1,
        )

    def _affinity(self, history: RowArray, items: IntArray, *, known: bool) -> DoubleArray:
        counts = np.exp(self.per_item[:, 0])
        both = (self.taken[:, items].T @ self.taken[:, history]).toarray()
        in_history = np.isin(items, history)
        if known:
            both -= in_history[:, None]
        both[items[:, None] == history[None, :]] = 0.0
        others = np.maximum(len(history) - in_history, 1)
        share = (both / np.maximum(counts[history] - known + 1, 1)).sum(axis=1) / others
        log_own = np.log(np.maximum(counts[items] - known * in_history, 0.5))
        return np.asarray(np.log(share + 0.1 / self.taken.shape[0]) - 0.5 * log_own, dtype=np.float64)

    def _nearest(self, history: RowArray, items: IntArray) -> DoubleArray:
        if not len(history):
            return np.zeros(len(items))
        cosines = self.texts[items] @ self.texts[history].T
        cosines[items[:, None] == history[None, :]] = 0.0
        return np.asarray(cosines.max(axis=1), dtype=np.float64)


def _mean(groups: AnyArray, values: AnyArray, n: int) -> DoubleArray:
    """Mean of the values of each of n groups; that of all for a group without."""
    counts = np.bincount(groups, minlength=n)
    sums = np.bincount(groups, values, minlength=n)
    return np.where(counts > 0, sums / np.maximum(counts, 1), values.mean())


def _ages(dates: AnyArray | None, n_items: int) -> DoubleArray:
    """0 for the youngest, 1 for the oldest, ½ for what has no date."""
    found = np.full(n_items, 0.5)
    if dates is not None and (dated := np.isfinite(np.asarray(dates, dtype=np.float64))).any():
        values, places = np.unique(np.asarray(dates, dtype=np.float64)[dated], return_inverse=True)
        ends = np.cumsum(np.bincount(places, minlength=len(values)))
        found[dated] = 1.0 - (ends[places] - 0.5 * np.bincount(places)[places]) / dated.sum()
    return found


def _text_components(texts: FloatArray, items: RowArray, most: int) -> DoubleArray:
    rows = texts.astype(np.float64) - texts[items].mean(axis=0)
    values, vectors = np.linalg.eigh(rows[np.unique(items)].T @ rows[np.unique(items)])
    kept = np.argsort(-values)[: min(most, int((values > 1e-9 * max(values.max(), 1e-300)).sum()))]
    return np.asarray(rows @ vectors[:, kept])


def _taken_components(taken: sp.csc_array, most: int, seed: int) -> DoubleArray:
    """Without the first singular vector, which is how much is taken; rows to unit length."""
    from scipy.sparse.linalg import svds

    rank = min(most + 1, min(taken.shape) - 1)
    if rank < 2:
        return np.zeros((taken.shape[1], 0))
    margins = [np.sqrt(np.maximum(np.asarray(taken.sum(axis=axis)).ravel(), 1.0)) for axis in (1, 0)]
    scaled = sp.diags_array(1 / margins[0]) @ taken @ sp.diags_array(1 / margins[1])
    start = numpy_rng(seed, "components").normal(size=min(scaled.shape))
    _, strengths, right = svds(scaled, k=rank, v0=start)
    order = np.argsort(-strengths)[1:]
    rows = right[order].T * strengths[order]
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _scaled(block: DoubleArray, items: RowArray) -> DoubleArray:
    """Centred over events, with mean square 1 a component on average."""
    if not block.shape[1]:
        return block
    centred = block - block[items].mean(axis=0)
    return np.asarray(centred / (np.sqrt((centred[items] ** 2).mean()) or 1.0))


def _numbered(name: str, block: DoubleArray) -> Sequence[str]:
    return [f"{name} {n + 1}" for n in range(block.shape[1])]
