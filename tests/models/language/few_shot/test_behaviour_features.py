"""What unlabelled events say of a pair."""

import numpy as np
import pytest

from penchant.data.histories import Histories
from penchant.errors import DataError
from penchant.models.language.few_shot.behaviour_features import FEATURES, BehaviourFeatures
from tests.models.rating.worlds import rated

USERS = {0: [0, 1, 2], 1: [0, 1], 2: [0, 3], 3: [3, 2], 4: [1, 2, 0]}


def made(values: float = np.nan, components: int = 2) -> tuple[BehaviourFeatures, Histories]:
    rows = [(user, item, values) for user, items in USERS.items() for item in items]
    data = rated(rows, n_users=5, n_items=5, scale=None)
    texts = np.eye(5, 8, dtype=np.float32)
    texts[1] = (texts[0] + texts[1]) / np.sqrt(2)
    histories = data.histories()
    features = BehaviourFeatures.fit(
        histories, texts, dates=np.array([1990.0, 2000.0, 2010.0, np.nan, 2020.0]), components=components
    )
    return features, histories


def raw(features: BehaviourFeatures, rows: np.ndarray, name: str) -> np.ndarray:
    column = FEATURES.index(name)
    return np.asarray(rows[:, column] * features.deviations[column] + features.means[column])


def test_counts_by_hand_without_the_user_who_is_asked_about():
    features, histories = made()
    rows = features.of(histories, np.array([0, 0, 2]), np.array([0, 3, 3]))
    # Item 0 has users 0, 1, 2, 4; without user 0 three. Of his items 1 (users 1, 4) and 2 (users 3, 4) it was taken by
    # 2 of 2 + 1 and 1 of 2 + 1 others, as the counts of those without him are kept one above 0.
    assert raw(features, rows, "popularity")[0] == pytest.approx(np.log(3))
    share = (2 / 3 + 1 / 3) / 2
    assert raw(features, rows, "affinity")[0] == pytest.approx(np.log(share + 0.1 / 5) - 0.5 * np.log(3))
    # Item 3 is not his: its count is whole, and he takes no part in what it was taken with.
    assert raw(features, rows, "popularity")[1] == pytest.approx(np.log(2))
    share = (1 / 4 + 0 / 3 + 1 / 3) / 3
    assert raw(features, rows, "affinity")[1] == pytest.approx(np.log(share + 0.1 / 5) - 0.5 * np.log(2))
    assert raw(features, rows, "place").tolist() == pytest.approx([0.0, 0.5, 0.5])
    assert raw(features, rows, "activity").tolist() == pytest.approx(np.log([3, 3, 2]))
    assert raw(features, rows, "age").tolist() == pytest.approx([1 - 0.5 / 4, 0.5, 0.5])


def test_the_nearest_text_leaves_the_item_itself_out():
    features, histories = made()
    rows = features.of(histories, np.array([0, 0, 0]), np.array([0, 1, 2]))
    near = raw(features, rows, "nearest_text")
    cosine = 1 / np.sqrt(2)
    assert near.tolist() == pytest.approx([cosine / 3, cosine / 3, -2 * cosine / 3], abs=1e-6)


def test_ratings_are_not_read():
    one, histories = made(1.0)
    other, rated_high = made(5.0)
    cases, items = np.array([0, 1, 4]), np.array([1, 1, 3])
    np.testing.assert_array_equal(one.of(histories, cases, items), other.of(rated_high, cases, items))


def test_scaled_over_the_events_and_the_order_of_pairs_does_not_matter():
    features, histories = made()
    owners = np.repeat(np.arange(5), histories.lengths)
    rows = features.of(histories, owners, histories.items)
    np.testing.assert_allclose(rows[:, : len(FEATURES)].mean(axis=0), 0, atol=1e-9)
    spread = rows[:, : len(FEATURES)].std(axis=0)
    np.testing.assert_allclose(spread[spread > 1e-9], 1, atol=1e-9)
    order = np.random.default_rng(0).permutation(len(owners))
    np.testing.assert_array_equal(features.of(histories, owners[order], histories.items[order]), rows[order])
    assert len(features.names) == rows.shape[1]
    text, taken = features.components_at
    for block in (rows[:, text], rows[:, taken]):
        assert (block**2).mean() == pytest.approx(1, rel=1e-6)


def test_a_new_user_and_an_item_without_events_have_finite_features():
    features, histories = made()
    nobody = histories.take([0])
    object.__setattr__(nobody, "users", np.array([-1], dtype=np.int32))
    assert np.isfinite(features.of(nobody, np.zeros(5, np.int64), np.arange(5))).all()
    empty = nobody.keep(np.zeros(3, dtype=bool))
    assert np.isfinite(features.of(empty, np.zeros(5, np.int64), np.arange(5))).all()


def test_no_events_and_other_dates_are_refused():
    _, histories = made()
    with pytest.raises(DataError):
        BehaviourFeatures.fit(histories.keep(np.zeros(len(histories.items), dtype=bool)), np.eye(5, dtype=np.float32))
    with pytest.raises(DataError):
        BehaviourFeatures.fit(histories, np.eye(5, dtype=np.float32), dates=np.zeros(4))
