"""Items placed by their text, without an event, beside the same model fitted again with their events."""

import numpy as np

from penchant.interfaces import FitOptions, Recommender
from penchant.models.content_based import ContentBased
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.types import IntArray
from tests.models.test_interest_tracker import QUICK
from tests.models.toys import genre_texts
from tests.worlds import genre_world

NEW = [7, 22, 37, 52]
"""One item of each genre"""
WORLD = genre_world()
KNOWN = WORLD.select(~np.isin(WORLD.events.items, NEW))
OPTIONS = FitOptions(item_vectors=genre_texts(WORLD))


def ranks(model: Recommender) -> IntArray:
    """Of each event on a new item, given what came before: how many items score above it."""
    histories = WORLD.histories()
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    events = np.flatnonzero(np.isin(histories.items, NEW))
    before = events - histories.indptr[owners[events]]
    events, before = events[before >= 3], before[before >= 3]
    given = histories.between(owners[events], np.zeros_like(before), before)
    scores = model.score(given.keep(~np.isin(given.items, NEW)))
    above = scores > scores[np.arange(len(scores)), histories.items[events]][:, None]
    return np.asarray(above.sum(axis=1), dtype=np.int64)


def test_an_item_folded_in_by_its_text_scores_as_after_a_refit():
    folded = ContentBased().fit(KNOWN, options=OPTIONS).score(WORLD.histories())
    np.testing.assert_array_equal(folded, ContentBased().fit(WORLD, options=OPTIONS).score(WORLD.histories()))


def test_items_that_inherit_are_found_nearly_as_well_as_after_a_refit():
    folded, again = (
        ranks(InterestTracker(InterestTrackerConfig.of(QUICK)).fit(d, options=OPTIONS)) for d in (KNOWN, WORLD)
    )
    chance = 10 / WORLD.n_items
    assert (folded < 10).mean() > 0.8 * (again < 10).mean() > 3 * chance
    assert folded.mean() < 0.25 * WORLD.n_items
