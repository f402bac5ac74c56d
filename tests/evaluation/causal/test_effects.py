"""Planted confounding is corrected, planted segments are found, planted causes are told from what goes with them."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from penchant.errors import DataError, NotFoundError
from penchant.evaluation.causal.effects import EffectConfig, average_effect
from penchant.evaluation.causal.intervention import compared, forget_items, set_feature, strongest
from penchant.evaluation.causal.uplift import LEAST, by_segment, find_segment
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from tests.worlds import genre_world

EFFECT = 1.0


def confounded(n: int, rng: np.random.Generator, *, curved: bool = False):
    """x_0 makes a treatment likelier and the outcome higher; the effect is 1 for all. x_1 does nothing."""
    x = rng.normal(0, 1, (n, 3))
    e = 1 / (1 + np.exp(-1.2 * x[:, 0]))
    treated = rng.random(n) < e
    push = np.exp(x[:, 0]) if curved else 2.0 * x[:, 0]
    return treated, EFFECT * treated + push + 0.5 * x[:, 2] + rng.normal(0, 1, n), x, e


def test_planted_confounding_is_corrected_by_weights_and_by_both_together():
    rng, hits, errors = np.random.default_rng(0), 0, []
    for _ in range(25):
        treated, y, x, _ = confounded(1_000, rng)
        found = average_effect(treated, y, x, rng=rng)
        hits += found.dr.interval[0] <= EFFECT <= found.dr.interval[1]
        errors.append((found.naive.effect - EFFECT, found.ipw.effect - EFFECT, found.dr.effect - EFFECT))
    naive, ipw, dr = np.mean(errors, axis=0)
    assert naive > 1.5
    assert abs(ipw) < 0.1
    assert abs(dr) < 0.06
    assert hits / 25 >= 0.8
    assert min(found.effective) < found.units / 2


def test_one_of_the_two_models_may_be_wrong():
    rng = np.random.default_rng(1)
    outcome_wrong = []
    for _ in range(6):
        treated, y, x, e = confounded(2_500, rng, curved=True)  # a linear μ is wrong, e is right
        outcome_wrong.append(average_effect(treated, y, x, rng=rng, propensity_N=e).dr.effect)
    assert np.mean(outcome_wrong) == pytest.approx(EFFECT, abs=0.12)
    propensity_wrong = []
    for _ in range(6):
        treated, y, x, _ = confounded(2_500, rng)  # μ is right, a constant e is wrong
        propensity_wrong.append(average_effect(treated, y, x, rng=rng, propensity_N=np.full(2_500, 0.5)))
    assert np.mean([one.dr.effect for one in propensity_wrong]) == pytest.approx(EFFECT, abs=0.08)
    assert np.mean([one.ipw.effect for one in propensity_wrong]) > EFFECT + 1


def test_a_randomised_experiment_is_the_plain_difference():
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (4_000, 1))
    treated = rng.random(4_000) < 0.5
    y = 3 * x[:, 0] + 0.4 * treated + rng.normal(0, 1, 4_000)
    found = average_effect(treated, y, x, rng=rng, propensity_N=np.full(4_000, 0.5))
    assert found.naive.effect == pytest.approx(y[treated].mean() - y[~treated].mean())
    assert found.ipw.effect == pytest.approx(found.naive.effect)
    assert found.dr.error < 0.5 * found.naive.error  # what x foretells is no noise any more


def test_no_overlap_is_refused_and_a_little_is_counted():
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, (1_000, 1))
    treated = x[:, 0] + rng.normal(0, 0.05, 1_000) > 0
    with pytest.raises(DataError, match="not alike enough"):
        average_effect(treated, x[:, 0], x, rng=rng)
    e = np.full(1_000, 0.5)
    e[:20] = 0.001
    assert average_effect(rng.random(1_000) < 0.5, x[:, 0], x, rng=rng, propensity_N=e).outside == 20


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t, y, x: (t, y[:-1], x), "one outcome"),
        (lambda t, y, x: (t, np.where(t, np.nan, y), x), "not finite"),
        (lambda t, y, x: (np.zeros_like(t), y, x), "0 of 50"),
    ],
)
def test_what_cannot_be_estimated_is_refused(change, told):
    rng = np.random.default_rng(4)
    t, y, x, _ = confounded(50, rng)
    with pytest.raises(DataError) as error:
        average_effect(*change(t, y, x), rng=rng)
    assert told in error.value.message + error.value.hint
    with pytest.raises(DataError, match="inside"):
        average_effect(t, y, x, rng=rng, propensity_N=np.ones(50), config=EffectConfig(folds=2))


def test_a_planted_segment_has_the_effect_and_others_have_none():
    rng, missed, alike = np.random.default_rng(5), 0, []
    names = np.array(["new", "old", "vip", "rare"])
    for _ in range(100):
        segment = rng.choice(4, 1_200, p=[0.4, 0.35, 0.245, 0.005])
        treated = rng.random(1_200) < 0.5
        y = rng.normal(0, 1, 1_200) + 0.5 * (treated & (segment == 0))
        found = by_segment(names[segment].tolist(), treated, y)
        truth = {"new": 0.5}
        missed += any(not s.interval[0] <= truth.get(s.segment, 0.0) <= s.interval[1] for s in found.segments)
        null = by_segment(names[segment].tolist(), treated, y - 0.5 * (treated & (segment == 0)))
        alike.append(null.p_alike < 0.05)
    assert missed / 100 < 0.05 + 0.065
    assert np.mean(alike) < 0.05 + 0.065
    assert found.segments[0].segment == "new"
    assert found.p_alike < 0.05
    assert set(found.left_out) == {"rare"}
    with pytest.raises(DataError, match="large enough"):
        by_segment(["a"] * LEAST, np.ones(LEAST, dtype=bool), np.ones(LEAST))


def test_a_segment_that_was_looked_for_is_proved_on_others():
    rng, false = np.random.default_rng(6), 0
    for _ in range(80):
        x, treated = rng.normal(0, 1, (400, 5)), rng.random(400) < 0.5
        false += find_segment(x, treated, rng.normal(0, 1, 400), rng=rng).p < 0.05
    assert false / 80 < 0.05 + 0.075  # the best of 45 splits, and yet 5 %
    x, treated = rng.normal(0, 1, (4_000, 5)), rng.random(4_000) < 0.5
    found = find_segment(x, treated, rng.normal(0, 1, 4_000) + 1.0 * (treated & (x[:, 3] > 0.2)), rng=rng)
    assert found.feature == 3
    assert found.threshold == pytest.approx(0.2, abs=0.35)
    assert found.interval[0] < found.difference < found.interval[1]
    assert found.p < 1e-4
    with pytest.raises(DataError, match="No split"):
        find_segment(x[:30], treated[:30], x[:30, 0], rng=rng)


def test_the_planted_cause_is_told_from_what_goes_with_it():
    """The outcome follows `price`; `shelf` goes with price and does nothing; `noise` is apart."""
    rng = np.random.default_rng(7)
    price = rng.normal(0, 1, 3_000)
    shelf = 0.8 * price + 0.6 * rng.normal(0, 1, 3_000)
    noise = rng.normal(0, 1, 3_000)
    liked = -2.0 * price + rng.normal(0, 0.5, 3_000)
    assert abs(np.corrcoef(shelf, liked)[0, 1]) > 0.7  # association alone would name both
    fitted = LinearRegression().fit(np.stack([price, shelf, noise], axis=1), liked)
    features = {"price": rng.normal(0, 1, (40, 12)), "shelf": rng.normal(0, 1, (40, 12)), "noise": np.zeros((40, 12))}

    def respond(given):
        table = np.stack([given[name] for name in ("price", "shelf", "noise")], axis=2)
        return fitted.predict(table.reshape(-1, 3)).reshape(table.shape[:2])

    first, second, third = strongest(respond, features, {"price": 1.0, "shelf": 1.0, "noise": 1.0}, k=3)
    assert first.what == "price := 1"
    assert first.effect == pytest.approx(-2.0 * (1.0 - features["price"].mean()), abs=0.1)
    assert first.interval[0] < first.effect < first.interval[1] < 0
    assert max(abs(second.effect), abs(third.effect)) < 0.05 * abs(first.effect)
    assert features["noise"].max() == 0.0
    one = np.zeros(12, dtype=bool)
    one[4] = True
    value = np.where(one, -3.0, features["price"])
    alone = set_feature(respond, features, "price", value, targets=one, k=3)
    assert alone.rank_change < -2
    assert alone.replaced > 0.1
    with pytest.raises(NotFoundError, match="No feature is called 'colour'"):
        set_feature(respond, features, "colour", 1.0)


def test_what_made_a_fitted_recommender_say_so_is_found():
    """Item-kNN on readers who keep to a genre: without the events of a genre its items fall, others do not."""
    data = genre_world(users=120)
    model = ItemKNN(ItemKNNConfig()).fit(data)
    histories = data.histories()
    of_genre = [np.arange(15) + 15 * genre for genre in range(4)]
    targets = np.isin(np.arange(60), of_genre[0])
    cause = forget_items(model, histories, of_genre[0].tolist(), targets=targets)
    other = forget_items(model, histories, of_genre[2].tolist(), targets=targets)
    assert cause.interval[1] < 0
    assert cause.rank_change > 5
    assert other.effect > 0  # what is left of the history counts for more
    assert other.rank_change < 0
    with pytest.raises(DataError, match="Nobody"):
        forget_items(model, histories, [], targets=targets)


def test_no_change_is_no_effect():
    scores = np.random.default_rng(8).normal(size=(5, 7))
    same = compared("nothing", scores, scores.copy(), k=3)
    assert (same.effect, same.rank_change, same.replaced) == (0.0, 0.0, 0.0)
    with pytest.raises(DataError, match="No item"):
        compared("nothing", scores, scores, targets=np.zeros(7, dtype=bool))
    with pytest.raises(DataError, match=r"Scores of shape"):
        compared("nothing", scores, np.full_like(scores, np.nan))
