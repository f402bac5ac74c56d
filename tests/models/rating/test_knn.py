"""Neighbourhoods by hand, by a scalar loop, and what every setting does."""

import numpy as np
import pytest

from penchant.models.rating.knn import RatingKNN, RatingKNNConfig
from tests.models.rating.worlds import histories, history, rated

# Users 0–2 rate items 0–3; item 3 is what is asked for. Means of the items: 4, 3, 2, 3.
TOY = rated(
    [(u, i, r) for u, ratings in enumerate([(5, 3, 1, 4), (4, 2, 3, 3), (3, 4, 2, 2)]) for i, r in enumerate(ratings)]
)
PLAIN: dict[str, object] = {"similarity": "pearson", "centre": "mean", "shrinkage": 0.0}


def test_item_based_prediction_by_hand():
    """About their means items are (1, 0, −1), (0, −1, 1), (−1, 1, 0), (1, 0, −1).

    s(3, 0) = 1, s(3, 1) = −1/2, s(3, 2) = −1/2: only item 0 is a neighbour, and it is the item's mean plus what the
    user gave item 0 above its mean: 3 + (2 − 4) = 1.
    """
    model = RatingKNN(RatingKNNConfig.of(PLAIN)).fit(TOY)
    assert model.predict(history((0, 2.0), (1, 5.0)), np.array([0]), np.array([3]))[0] == pytest.approx(1.0)


def test_user_based_prediction_by_hand():
    """The stranger rated 5, 3, 1 and is like user 0 (1) and against user 1 (½: 4, 2, 3 about 3 is (1, −1, 0)).

    s(0) = 1; s(1) = (2 · 1 + 0 · −1 + −2 · 0)/(√8 √2) = ½; s(2): (3, 4, 2) about 3 is (0, 1, −1): 2/√16 = ½.
    User means: 3.25, 3, 2.75. r̂ = 3 + (1 · 0.75 + ½ · 0 + ½ · −0.75)/2 = 3.1875.
    """
    model = RatingKNN(RatingKNNConfig.of({"by": "user", **PLAIN})).fit(TOY)
    asked = history((0, 5.0), (1, 3.0), (2, 1.0))
    assert model.predict(asked, np.array([0]), np.array([3]))[0] == pytest.approx(3.1875)


def test_without_neighbours_what_remains_is_the_centre():
    for centre, expected in (("none", TOY.events.values.mean()), ("mean", 3.0)):
        model = RatingKNN(RatingKNNConfig.of({"centre": centre})).fit(TOY)
        assert model.score(histories([]))[0, 3] == pytest.approx(expected)


def scalar(train: np.ndarray, own: np.ndarray, item: int, k: int) -> float:
    """Item-based, Pearson on co-rated users, item means: one number at a time, as in the paper."""
    n_users, n_items = train.shape
    near = []
    for j in range(n_items):
        if np.isnan(own[j]) or j == item:
            continue
        both = [u for u in range(n_users) if not np.isnan(train[u, j]) and not np.isnan(train[u, item])]
        if len(both) < 2:
            continue
        x, y = train[both, item], train[both, j]
        below = np.sqrt(((x - x.mean()) ** 2).sum() * ((y - y.mean()) ** 2).sum())
        if below > 1e-12:
            near.append((((x - x.mean()) * (y - y.mean())).sum() / below * (len(both) - 1) / (len(both) - 1 + 5.0), j))
    near = sorted([pair for pair in near if pair[0] > 0], reverse=True)[:k]
    mean = np.nanmean(train[:, item])
    if not near:
        return float(mean)
    return float(mean + sum(s * (own[j] - np.nanmean(train[:, j])) for s, j in near) / sum(s for s, _ in near))


def test_a_scalar_loop_says_the_same():
    rng = np.random.default_rng(4)
    train = np.where(rng.random((25, 14)) < 0.6, rng.integers(2, 11, size=(25, 14)) / 2.0, np.nan)
    people = [[(int(i), float(rng.integers(2, 11)) / 2) for i in rng.permutation(14)[:9]] for _ in range(6)]
    data = rated([(u, i, train[u, i]) for u in range(25) for i in range(14) if not np.isnan(train[u, i])])
    model = RatingKNN(RatingKNNConfig(similarity="pearson", centre="mean", shrinkage=5.0, neighbours=3)).fit(data)
    scores = model.score(histories(*people))
    for b, person in enumerate(people):
        own = np.full(14, np.nan)
        own[[i for i, _ in person]] = [value for _, value in person]
        expected = [np.clip(scalar(train, own, i, 3), 1, 5) for i in range(14)]
        np.testing.assert_allclose(scores[b], expected, rtol=1e-5)


@pytest.mark.parametrize("by", ["item", "user"])
def test_pairs_and_whole_rows_say_the_same_in_any_order(by):
    model = RatingKNN(RatingKNNConfig.of({"by": by, "shrinkage": 1.0})).fit(TOY)
    asked = histories([(0, 5.0), (2, 1.0)], [], [(1, 3.0)])
    cases, items = np.array([2, 0, 0, 1, 2, 0]), np.array([3, 3, 0, 2, 0, 1], dtype=np.int32)
    np.testing.assert_allclose(model.predict(asked, cases, items), model.score(asked)[cases, items], rtol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"by": "user"},
        {"similarity": "pearson"},
        {"similarity": "cosine"},
        {"shrinkage": 50.0},
        {"neighbours": 1},
        {"centre": "mean"},
        {"centre": "none"},
        {"stored_neighbours": 1},
        {"means": {"user_damping": 0.0}},
    ],
)
def test_every_setting_reaches_the_answer(settings):
    rng = np.random.default_rng(1)
    rows = [(u, int(i), float(rng.integers(1, 6))) for u in range(20) for i in rng.permutation(9)[:6]]
    data = rated(rows)
    base: dict[str, object] = {"shrinkage": 2.0, "neighbours": 4}
    one = RatingKNN(RatingKNNConfig.of(base)).fit(data).score(data.histories())
    other = RatingKNN(RatingKNNConfig.of({**base, **settings})).fit(data).score(data.histories())
    assert not np.allclose(one, other, atol=1e-3)
