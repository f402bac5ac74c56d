"""Validation inside a fit: which cases, and the value that decides."""

from collections.abc import Callable

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.generated import is_generated
from penchant.data.histories import Cases, Histories
from penchant.data.partition import next_item
from penchant.errors import DataError
from penchant.interfaces import FitOptions
from penchant.metrics.ranking import ndcg_at, target_ranks
from penchant.seeding import numpy_rng, tie_breaks
from penchant.types import FloatArray, RowArray

VALIDATION_K = 10
TRAINING_CASES = 2_000
"""Cases that tell how well a model knows what it was trained on."""
SCORES_AT_ONCE = 12_000_000
"""Scores held at once, users × items: 48 MB."""


def held_out(dataset: Dataset, options: FitOptions) -> tuple[Dataset, Cases]:
    """What to learn from and what to validate on.

    The options' own validation cases where they are given: the dataset is then all there is to learn from. Otherwise
    the last item of every user with another before it is taken out; generated users only train. `DataError` for a
    dataset without item events.
    """
    histories = dataset.histories()
    if not len(histories.items):
        raise DataError(f"{dataset.name!r} has no item events to learn from.", hint="Import some interactions first.")
    if options.validation is not None:
        return dataset, options.validation
    before = histories.before_last_item()
    asked = (before > 0) & ~is_generated(dataset)
    place = np.arange(len(histories.items)) - np.repeat(histories.indptr[:-1], histories.lengths)
    kept = np.ones(len(dataset.events), dtype=np.bool_)
    kept[dataset.events.items >= 0] = place < np.repeat(np.where(asked, before, histories.lengths), histories.lengths)
    return dataset.select(kept), next_item(histories.take(np.flatnonzero(asked)))


def check_vectors(dataset: Dataset, options: FitOptions) -> None:
    """Raise `DataError` where vectors of items or users do not have a finite row for each of them."""
    for kind, vectors, rows in (
        ("item", options.item_vectors, dataset.n_items),
        ("user", options.user_vectors, dataset.n_users),
    ):
        if vectors is None:
            continue
        if vectors.ndim != 2 or len(vectors) != rows:
            raise DataError(
                f"The {kind} vectors have the shape {vectors.shape}, and there are {rows} {kind}s.",
                hint=f"Encode one text for each {kind} of the dataset, in its order.",
            )
        if not np.isfinite(vectors).all():
            bad = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise DataError(f"The vector of {kind} row {bad} is not finite.", hint="Look at the encoder's output.")


def sampled(cases: Cases, limit: int, seed: int) -> Cases:
    """At most `limit` of the cases, drawn by the seed, in their order."""
    if len(cases) <= limit:
        return cases
    return cases.take(np.sort(numpy_rng(seed, "validation").choice(len(cases), size=limit, replace=False)))


def training_cases(training: Dataset, limit: int, seed: int) -> Cases:
    """Cases that a model was trained on, at most `limit` drawn by the seed: the last item of each user with another
    before it, given the events before it. How much better it does on them than on validation tells over-fitting.
    """
    histories = training.histories()
    asked = np.flatnonzero(histories.before_last_item())
    if len(asked) > limit:
        asked = np.sort(numpy_rng(seed, "training cases").choice(asked, size=limit, replace=False))
    return next_item(histories.take(asked))


def validation_ndcg(
    score: Callable[[Histories], FloatArray], cases: Cases, *, ties: RowArray, k: int = VALIDATION_K
) -> float:
    """Mean NDCG@k of the cases in a full ranking with the history excluded."""
    values = []
    size = rows_at_once(len(ties))
    for start in range(0, len(cases), size):
        part = cases.take(slice(start, start + size))
        ranks = target_ranks(score(part.histories), part, ties=ties, exclude_history=True)
        values.append(ndcg_at(ranks, part.target_indptr, k))
    return float(np.concatenate(values).mean()) if values else 0.0


def rows_at_once(n_items: int) -> int:
    """How many users to score together, so that memory does not grow with the catalogue."""
    return max(1, SCORES_AT_ONCE // max(n_items, 1))


def catalogue_ties(dataset: Dataset, seed: int) -> RowArray:
    """(I,) the order in which equal scores of the dataset's items are ranked."""
    return np.asarray(tie_breaks(dataset.items.ids, seed=seed), dtype=np.int32)
