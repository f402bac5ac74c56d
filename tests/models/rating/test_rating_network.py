"""The network reads what the formula says, leaves out what is asked for, and every head learns."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.errors import BundleError, ConfigError, DataError, UnsupportedError
from penchant.interfaces import FitOptions
from penchant.models.catalogue import load_recommender
from penchant.models.rating.means import RatingMeans
from penchant.models.rating.rating_network import RatingNetwork, RatingNetworkConfig
from penchant.models.saving import write_model
from tests.models.rating.worlds import factor_world, histories, history, rated, rmse

DATA, USERS, ITEMS, RATINGS = factor_world(users=90)
QUICK: dict[str, Any] = {
    "dim": 8,
    "layers": [16],
    "users": 10,
    "training": {"learning_rate": 0.02, "weight_decay": 0.02, "max_epochs": 30, "warmup_steps": 5, "evaluate_every": 1},
}
HEADS: dict[str, dict[str, Any]] = {
    "linear": {},
    "sigmoid": {"output": "sigmoid"},
    "expected": {"head": "class"},
    "argmax": {"head": "class", "decoding": "argmax"},
    "liked": {"head": "liked"},
}


def fitted(data: Dataset = DATA, **settings: Any) -> RatingNetwork:
    return RatingNetwork(RatingNetworkConfig.of({**QUICK, **settings})).fit(data)


@pytest.fixture(scope="module")
def models():
    found: dict[str, RatingNetwork] = {}

    def model(head: str) -> RatingNetwork:
        if head not in found:
            found[head] = fitted(**HEADS[head])
        return found[head]

    return model


def test_the_user_is_what_the_formula_says(models):
    """Sum by sum: three rated items, one only touched, and the bias worked out without the item that is asked for."""
    model = models("linear")
    rated_items, values = [3, 8, 20], np.array([5.0, 2.0, 4.0])
    asked = history((3, 1.0), (3, 5.0), (8, 2.0), (11, np.nan), (20, 4.0))
    network, scale, means = model._network, model.scale, model.config.means
    c, y = (table.weight.detach().numpy().astype(np.float64) for table in (network.rated, network.touched))
    of_items = model.arrays["item_biases"]
    for item in (8, 11, 30):
        left = [k for k, other in enumerate(rated_items) if other != item]
        deviations = (values - scale.mean) / scale.spread - of_items[rated_items]
        bias = deviations[left].sum() / (means.user_damping + len(left))
        said = sum((deviations[k] - bias) * c[rated_items[k]] for k in left)
        others = [other for other in (3, 8, 11, 20) if other != item]
        expected = (said + sum(y[other] for other in others)) / np.sqrt(len(others))
        pairs = model._pairs(of_items, scale, asked, np.array([0]), np.array([item], dtype=np.int32))
        np.testing.assert_allclose(network.users(pairs).detach().numpy()[0], expected, atol=1e-5)
        assert pairs.user_biases_P.item() == pytest.approx(bias, abs=1e-6)
        assert pairs.item_biases_P.item() == pytest.approx(of_items[item])


@pytest.mark.parametrize("head", sorted(HEADS))
def test_what_was_said_of_an_item_does_not_change_what_is_predicted_of_it(models, head):
    others = [(3, 5.0), (8, 2.0), (11, np.nan)]
    asked = histories(others, [(20, 1.0), *others], [*others, (20, 5.0)], [(20, np.nan), *others])
    predicted = models(head).predict(asked, np.arange(4), np.full(4, 20, dtype=np.int32))
    np.testing.assert_allclose(predicted, predicted[0], atol=1e-5)
    if head != "argmax":  # what is likeliest may stay
        elsewhere = models(head).predict(asked, np.arange(4), np.full(4, 30, dtype=np.int32))
        assert np.ptp(elsewhere) > 1e-3


def test_planted_factors_are_found(models):
    """The noise of the world is 0.33; the bias model is far from it."""
    floor = rmse(RatingMeans().fit(DATA).predict(DATA.histories(), USERS, ITEMS), RATINGS)
    found = rmse(models("linear").predict(DATA.histories(), USERS, ITEMS), RATINGS)
    assert found < 0.8 * floor


@pytest.mark.parametrize("head", sorted(HEADS))
def test_every_head_is_more_exact_than_the_mean_and_answers_in_the_scale(models, head):
    predicted = models(head).predict(DATA.histories(), USERS, ITEMS)
    assert predicted.min() >= 1.0
    assert predicted.max() <= 5.0
    assert rmse(predicted, RATINGS) < 0.85 * RATINGS.std()
    if head == "argmax":
        assert set(predicted) <= set(np.arange(1, 5.5, 0.5))
        right = (predicted == RATINGS).mean()
        assert right > np.unique(RATINGS, return_counts=True)[1].max() / len(RATINGS)  # than always the same


def test_likes_come_with_probabilities_that_hold(models):
    """Of what is said to be liked with about p, about p is liked; and the Brier score is below the base rate's."""
    liked, likes = models("liked"), RATINGS >= 4.0
    chances = liked.like_probabilities(DATA.histories(), USERS, ITEMS)
    assert chances.shape == likes.shape
    assert np.mean((chances - likes) ** 2) < 0.85 * likes.mean() * (1 - likes.mean())
    order = np.argsort(chances)
    for part in np.array_split(order, 4):
        assert likes[part].mean() == pytest.approx(chances[part].mean(), abs=0.15)
    low, high = liked.facts()["head"]["means"]
    np.testing.assert_allclose(liked.predict(DATA.histories(), USERS, ITEMS), low + (high - low) * chances, atol=1e-5)
    with pytest.raises(UnsupportedError, match="head = 'rating' has no probabilities"):
        models("linear").like_probabilities(DATA.histories(), USERS, ITEMS)


@pytest.mark.parametrize("head", sorted(HEADS))
def test_a_saved_head_says_the_same_bit_for_bit(models, head, tmp_path):
    models(head).save(tmp_path)
    loaded = load_recommender(tmp_path)
    assert isinstance(loaded, RatingNetwork)
    np.testing.assert_array_equal(
        loaded.predict(DATA.histories(), USERS, ITEMS), models(head).predict(DATA.histories(), USERS, ITEMS)
    )
    levels = loaded.facts()["head"]["targets"]["levels"]
    assert levels == sorted(set(DATA.events.values.tolist()))


def test_a_saved_network_of_another_shape_is_refused(models, tmp_path):
    model = models("linear")
    other = model.config.model_copy(update={"layers": (5,)})
    write_model(tmp_path, model.name, other, arrays=model.arrays, facts=model._facts)
    with pytest.raises(BundleError, match="weights that its settings ask for"):
        RatingNetwork.load(tmp_path)


def test_validation_decides_which_epoch_stays():
    asked = np.unique(USERS, return_index=True)[1]
    validation = Cases(
        histories=DATA.histories().take(USERS[asked]),
        target_indptr=np.arange(len(asked) + 1),
        target_items=ITEMS[asked],
        target_values=RATINGS[asked],
    )
    config = RatingNetworkConfig.of({**QUICK, "training": {**QUICK["training"], "max_epochs": 6, "patience": 6}})
    model = RatingNetwork(config).fit(DATA, options=FitOptions(validation=validation))
    assert model.record is not None
    by_epoch = [epoch.validation for epoch in model.record.epochs if epoch.validation is not None]
    assert model.record.best_value == max(by_epoch)
    found = rmse(model.predict(validation.histories, np.arange(len(asked)), ITEMS[asked]), RATINGS[asked])
    assert found == pytest.approx(-max(by_epoch), abs=1e-6)
    blind = replace(validation, target_values=np.full(len(asked), np.nan))
    unrated = RatingNetwork(config).fit(DATA, options=FitOptions(validation=blind))
    assert unrated.record is not None
    assert unrated.record.best_epoch == 6  # nothing to decide by: the last one


def test_ratings_that_a_head_cannot_tell_apart_and_widths_of_nothing_are_refused():
    liked = rated([(u, i, 5.0) for u in range(4) for i in range(3)])
    with pytest.raises(DataError, match="All training ratings are likes"):
        fitted(liked, head="liked")
    with pytest.raises(ConfigError, match="layers"):
        RatingNetworkConfig.of({"layers": [0]})
    implicit = rated([(0, 0, np.nan), (1, 1, np.nan)], scale=None)
    with pytest.raises(UnsupportedError, match="rating_network learns from ratings") as caught:
        fitted(implicit)
    assert "item_knn" in caught.value.hint


@pytest.mark.parametrize(
    "settings",
    [
        {"dim": 2},
        {"layers": []},
        {"activation": "tanh"},
        {"dropout": 0.7},
        {"output": "sigmoid"},
        {"head": "class"},
        {"head": "class", "decoding": "argmax"},
        {"head": "liked", "liked_share": 0.5},
        {"means": {"item_damping": 500.0}},
        {"users": 40},
    ],
)
def test_every_setting_reaches_the_model(settings):
    short = {"training": {**QUICK["training"], "max_epochs": 2}}
    asked = DATA.histories().take(slice(0, 20))
    base = {k: v for k, v in settings.items() if k == "head"} if len(settings) > 1 else {}
    assert not np.allclose(
        fitted(**{**short, **base}).score(asked), fitted(**{**short, **settings}).score(asked), atol=1e-4
    )
