"""A challenger: a champion's model after what came, tracker, weights and all that is counted."""

from dataclasses import replace

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.data.partition import next_item_after
from penchant.interfaces import FitOptions
from penchant.models.hybrid import Interest
from penchant.models.sequential.continuing import ContinuingConfig
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, IntArray

FEWEST_CASES = 100
"""With fewer new events the weights of the blend stay: they would be chance."""


def challenger(
    champion: Interest,
    learned: Dataset,
    dataset: Dataset,
    *,
    learned_N: BoolArray,
    replayable_N: BoolArray,
    config: ContinuingConfig,
    blend_cases: int,
    options: FitOptions,
) -> Interest:
    """The model that a champion fitted on `learned` becomes with a dataset that it grew to.

    The tracker goes on (`InterestTracker.continued`, of which the masks are). The weights of the blend are chosen anew
    for new events, asked of the champion before it learns them: so every new event is learned, and none of them weighs
    a source that has counted it. `blend_cases` of them, at most; 0: the weights stay.
    """
    counted = learned.item_counts()
    tracker = champion.tracker.continued(
        dataset,
        learned_N=learned_N,
        replayable_N=replayable_N,
        counted_I=counted,
        config=config,
        options=options,
    )
    cases, blend = unlearned(dataset, learned_N, counted, most=blend_cases, seed=options.seed), None
    if len(cases) >= FEWEST_CASES:
        vectors = None if options.item_vectors is None else options.item_vectors[: len(counted)]
        blend = champion.reweighted(learned, cases, options=replace(options, item_vectors=vectors, user_vectors=None))
    return champion.continued(tracker, dataset, blend=blend, options=options)


def unlearned(dataset: Dataset, new_N: BoolArray, counted_I: IntArray, *, most: int, seed: int) -> Cases:
    """New events, `most` of them, each asked for given what its user did before, for a model that knows the items
    counted. Users take turns, with one of their new events at a time, drawn by the seed. An event without anything
    before it is nobody's to foresee, and neither is one on an item without events.
    """
    histories, known = dataset.histories(), len(counted_I)
    counts = np.pad(counted_I, (0, dataset.n_items - known))
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    readable = histories.items < known
    counted = np.concatenate([[0], np.cumsum(readable)])
    before = counted[:-1] - counted[histories.indptr[:-1]][owners]  # (N,) readable events of the same user before each
    places = np.flatnonzero(new_N & (counts[histories.items] > 0) & (before > 0))
    places = numpy_rng(seed, "unlearned").permutation(places)
    order = np.argsort(owners[places], kind="stable")
    mine = owners[places][order]
    turn = np.empty(len(places), dtype=np.int64)
    turn[order] = np.arange(len(places)) - np.searchsorted(mine, mine)
    chosen = np.sort(places[np.argsort(turn, kind="stable")[:most]])
    return next_item_after(histories.keep(readable), owners[chosen], before[chosen])
