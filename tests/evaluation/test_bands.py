"""Bands of users and items by hand."""

import numpy as np
import pytest

from penchant.evaluation.bands import by_history, by_popularity, popularity_bands


def test_tail_middle_and_head_hold_a_third_of_the_events_each():
    counts = np.array([0, 1, 1, 1, 1, 2, 3, 3, 6])  # 18 events: tail 6 (1 1 1 1 2), middle 6 (3 3), head 6
    assert popularity_bands(counts).tolist() == [0, 1, 1, 1, 1, 1, 2, 2, 3]


def test_items_of_one_count_share_a_band():
    assert popularity_bands(np.array([5, 5, 5, 5])).tolist() == [1, 1, 1, 1]
    rng = np.random.default_rng(0)
    counts = rng.geometric(0.05, 400) - 1
    bands = popularity_bands(counts)
    for count in np.unique(counts):
        assert len(set(bands[counts == count].tolist())) == 1
    assert (np.diff(bands[np.argsort(counts, kind="stable")]) >= 0).all()
    for band in (1, 2, 3):
        assert counts[bands == band].sum() == pytest.approx(counts.sum() / 3, rel=0.2)


def test_no_event_at_all_is_all_unseen():
    assert popularity_bands(np.zeros(3, dtype=np.int64)).tolist() == [0, 0, 0]


def test_users_are_in_the_band_of_their_history():
    values = {"ndcg@5": np.array([0.0, 1.0, 0.5, 0.25])}
    bands = by_history(values, np.array([0, 4, 3, 700]))
    assert [(b.band, b.floor, b.ceiling, b.count, b.metrics["ndcg@5"]) for b in bands] == [
        ("0", 0, 0, 1, 0.0),
        ("3–4", 3, 4, 2, 0.75),
        ("500+", 500, 700, 1, 0.25),
    ]


def test_targets_are_asked_alone():
    bands = by_popularity(np.array([0, 2, 9]), np.array([3, 3, 0]), np.array([50, 70, 0]), [3])
    unseen, head = bands
    assert (unseen.band, unseen.metrics["recall@3"], unseen.metrics["ndcg@3"]) == ("unseen", 0, 0)
    assert (head.band, head.floor, head.ceiling, head.count) == ("head", 50, 70, 2)
    assert head.metrics["recall@3"] == 1
    assert head.metrics["ndcg@3"] == pytest.approx((1 + 0.5) / 2)
