"""A language model that reads item and user together learns what neither tells alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from penchant.data.histories import Cases
from penchant.errors import BundleError, ConfigError, DataError, UnsupportedError
from penchant.evaluation.rating_evaluation import evaluate_ratings
from penchant.interfaces import FitOptions
from penchant.metrics.probabilities import base_rate_brier, brier_score, expected_calibration_error
from penchant.models.catalogue import load_recommender
from penchant.models.language.text_rating import TextRating, TextRatingConfig
from penchant.models.rating.means import RatingMeans
from tests.models.language.tiny import save_words
from tests.models.language.worlds import ONE_WORD, VOCABULARY, colour_world
from tests.models.rating.worlds import history, rated, rmse

DATA, USERS, ITEMS, RATINGS = colour_world()
CHOSEN = DATA.histories().keep(np.isnan(DATA.histories().values))
"""What users did before they rated."""


def settings(path: Path, **further: Any) -> dict[str, Any]:
    return {
        "language_model": {"path": str(path), "max_length": 24},
        "behaviour": ONE_WORD,
        "biases": False,
        "batch": 32,
        "training": {"learning_rate": 1e-2, "max_epochs": 10, "warmup_steps": 10, "evaluate_every": 1},
        **further,
    }


def fit(path: Path, data=DATA, options: FitOptions | None = None, **further: Any) -> TextRating:
    return TextRating(TextRatingConfig.of(settings(path, **further))).fit(data, options=options)


@pytest.fixture(scope="module")
def model(bert):
    return fit(bert)


def test_what_neither_text_tells_alone_is_learned(model):
    """The item's text says nothing, nor do means: errors of 2 on a scale of 1 to 5. Together they say all."""
    without = CHOSEN.keep(np.zeros(len(CHOSEN.items), dtype=np.bool_))
    together, alone = model.predict(CHOSEN, USERS, ITEMS), model.predict(without, USERS, ITEMS)
    means = RatingMeans().fit(DATA).predict(CHOSEN, USERS, ITEMS)
    assert rmse(together, RATINGS) < 0.5
    assert rmse(alone, RATINGS) > 1.6
    assert rmse(means, RATINGS) > 1.6


def test_training_changes_the_trained_layers_and_nothing_else(model, bert):
    untrained = TextRating(TextRatingConfig.of(settings(bert, training={"learning_rate": 0.0, "max_epochs": 1})))
    before = untrained.fit(DATA)._trained().encoder.method.model.state_dict()
    after = model._trained().encoder.method.model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith("encoder.layer.0.")}
    assert {name.split(".")[0] for name in model._trained().state_dict()} == {"encoder", "layers"}


def test_the_input_is_one_sequence_of_item_and_behaviour_newest_first(model):
    asked = history((0, 5.0), (9, 1.0), (10, 3.0), (3, np.nan), (1, 4.0))
    reader = model._read()
    (texts,) = reader.asked(asked, np.array([0]), np.array([12], dtype=np.int32))
    assert texts == ("blue n4", "liked red; chose red; found blue fair; disliked blue; liked red")
    (without,) = reader.asked(asked, np.array([0]), np.array([10], dtype=np.int32))
    assert without == ("blue n2", "liked red; chose red; disliked blue; liked red")  # not the item that is asked for
    (tokens,) = model._trained().encoder.tokenize([texts])
    assert tokens.segments[:4] == [0, 0, 0, 0]
    assert set(tokens.segments[4:]) == {1}


def test_training_reads_what_came_before_the_rating_and_not_the_item(bert):
    data = rated(
        [(0, 8, np.nan), (0, 0, 5.0), (0, 1, 1.0), (0, 0, 1.0), (0, 9, 5.0)],
        n_items=16,
        items={"title": [f"{c} n{k}" for c in ("red", "blue") for k in range(8)]},
    )
    seen: list[Any] = []
    model = TextRating(TextRatingConfig.of(settings(bert, training={"max_epochs": 1})))
    with pytest.MonkeyPatch.context() as patch:
        from penchant.models.language.pair_reader import PairReader

        before = PairReader.before

        def spy(self, histories, events):
            found = before(self, histories, events)
            seen.extend(found)
            return found

        patch.setattr(PairReader, "before", spy)
        model.fit(data)
    assert sorted(seen) == [
        ("blue n1", "disliked red; disliked red; liked red; chose blue"),
        ("red n0", "disliked red; chose blue"),  # rated twice: the last time counts, and the first is not told
        ("red n1", "liked red; chose blue"),
    ]


def test_what_was_said_of_an_item_does_not_change_what_is_predicted_of_it(bert):
    model = fit(bert, biases=True, training={"learning_rate": 5e-3, "max_epochs": 1, "warmup_steps": 0})
    others = [(3, 5.0), (8, 2.0), (11, np.nan)]
    told = [model.predict(history(*h), np.zeros(1, dtype=np.int64), np.array([14], dtype=np.int32))[0]
            for h in (others, [(14, 1.0), *others], [*others, (14, 5.0)])]  # fmt: skip
    assert np.ptp(told) < 1e-5


def test_a_left_to_right_model_learns_it_too(gpt):
    model = fit(
        gpt,
        language_model={"path": str(gpt), "max_length": 24},
        training={"learning_rate": 1e-2, "max_epochs": 10, "warmup_steps": 10},
    )
    assert model._trained().encoder.pooling == "last"
    assert rmse(model.predict(CHOSEN, USERS, ITEMS), RATINGS) < 1.0


@pytest.mark.parametrize("head", [{"head": "class"}, {"output": "sigmoid"}])
def test_other_heads_learn_it(bert, head):
    found = fit(bert, **head).predict(CHOSEN, USERS, ITEMS)
    assert rmse(found, RATINGS) < 0.7
    assert found.min() >= 1.0
    assert found.max() <= 5.0


@pytest.fixture(scope="module")
def liked(bert):
    """One rating in six is the other way round: nobody can be sure of a like."""
    noisy, users, items, ratings = colour_world(users=260, noise=1 / 6, seed=1)
    first = noisy.histories().keep(np.isnan(noisy.histories().values))
    half = len(users) // 2
    validation = Cases(
        histories=first.take(users[:half]),
        target_indptr=np.arange(half + 1),
        target_items=items[:half],
        target_values=ratings[:half],
    )
    model = fit(bert, noisy, FitOptions(validation=validation), head="liked")
    return model, first, users[half:], items[half:], ratings[half:]


def test_likes_are_degrees_of_interest_that_can_be_believed(liked):
    model, first, users, items, ratings = liked
    likes = (ratings >= 4.0).astype(float)
    chances = model.like_probabilities(first, users, items)
    assert chances.min() >= 0.0
    assert chances.max() <= 1.0
    assert brier_score(chances, likes) < 0.8 * base_rate_brier(likes)  # the best there is: 5/36, of a base rate's 1/4
    assert expected_calibration_error(chances, likes, bins=4) < 0.12


def test_only_the_head_for_likes_has_probabilities(model):
    with pytest.raises(UnsupportedError, match="head = 'rating' has no probabilities"):
        model.like_probabilities(CHOSEN, USERS[:2], ITEMS[:2])


def test_validation_decides_which_epoch_stays(liked):
    record = liked[0].record
    assert record.best_value == max(epoch.validation or -np.inf for epoch in record.epochs)


def test_saved_is_what_was_trained_and_it_says_the_same_bit_for_bit(liked, tmp_path):
    model, first, users, items, _ = liked
    model.save(tmp_path)
    loaded = load_recommender(tmp_path)
    assert isinstance(loaded, TextRating)
    np.testing.assert_array_equal(loaded.predict(first, users, items), model.predict(first, users, items))
    np.testing.assert_array_equal(
        loaded.like_probabilities(first, users, items), model.like_probabilities(first, users, items)
    )
    assert loaded._scaling == model._scaling
    names = [name for name in model.arrays if "embeddings" in name]
    assert not names  # the checkpoint's own


def test_another_checkpoint_in_its_place_is_refused(tmp_path):
    place = save_words(tmp_path / "words", VOCABULARY, layers=1)
    (tmp_path / "model").mkdir()
    fit(place, training={"max_epochs": 1}).save(tmp_path / "model")
    save_words(place, VOCABULARY, layers=1, seed=1)
    with pytest.raises(BundleError, match="belong to the language model"):
        load_recommender(tmp_path / "model")


def test_at_most_so_many_pairs_an_epoch(bert):
    model = TextRating(TextRatingConfig.of(settings(bert, max_pairs=40, batch=16, training={"max_epochs": 2})))
    steps = []
    with pytest.MonkeyPatch.context() as patch:
        from penchant.models.language.task_network import TaskNetwork

        loss = TaskNetwork.loss

        def count(self, task, data, rows):
            steps.append(rows)
            return loss(self, task, data, rows)

        patch.setattr(TaskNetwork, "loss", count)
        model.fit(DATA)
    assert [len(rows) for rows in steps] == [16, 16, 8] * 2
    first, second = (np.concatenate(part) for part in (steps[:3], steps[3:]))
    assert len(set(first.tolist())) == 40
    assert set(first.tolist()) != set(second.tolist())  # drawn anew


def test_it_stands_beside_other_models_of_ratings(bert):
    settings_ = settings(bert, training={"learning_rate": 5e-3, "max_epochs": 1})
    data = colour_world(users=40, told=4)[0]
    result = evaluate_ratings(data, ["rating_means", "text_rating"], settings={"text_rating": settings_})
    assert [r.model for r in result.results] == ["rating_means", "text_rating"]
    assert all(np.isfinite(r.scores.metrics["rmse"]) for r in result.results)


def test_data_without_text_or_ratings_is_refused_with_what_to_do(bert):
    bare = replace(DATA, items=replace(DATA.items, columns={}))
    with pytest.raises(UnsupportedError, match="text_rating reads the items' texts") as caught:
        fit(bert, bare)
    assert "rating_means" in caught.value.hint
    unrated = replace(DATA, events=replace(DATA.events, values=np.full(len(DATA.events), np.nan)))
    with pytest.raises(UnsupportedError, match="text_rating learns from ratings"):
        fit(bert, unrated)


def test_likes_of_one_class_are_refused(bert):
    adored = replace(DATA, events=replace(DATA.events, values=np.full(len(DATA.events), 5.0)))
    with pytest.raises(DataError, match="All training ratings are likes"):
        fit(bert, adored, head="liked")


def test_more_layers_than_there_are_is_refused(bert):
    with pytest.raises(ConfigError, match="layers = 2, and the model has 1"):
        fit(bert, language_model={"path": str(bert), "method": {"name": "top_layers", "layers": 2}})


def test_only_the_head_is_trained_where_no_layer_is(bert):
    model = fit(bert, language_model={"path": str(bert), "method": "head_only"}, training={"max_epochs": 1})
    assert set(model._trained().state_dict()) == {"layers.0.weight", "layers.0.bias"}


def test_the_bias_model_is_where_it_begins(bert):
    data = replace(DATA, events=replace(DATA.events, values=np.where(DATA.events.items % 2, 4.0, 2.0)))
    begun = fit(bert, data, biases=True, training={"learning_rate": 0.0, "max_epochs": 1})
    numbers = begun._read().numbers(CHOSEN, USERS, ITEMS)
    assert numbers is not None
    layer = begun._trained().last_layer("rating")
    assert layer.weight[0, -1] == 1.0
    text_alone = (
        begun._trained().outputs("rating", begun._read().asked(CHOSEN, USERS, ITEMS), 0 * numbers)[:, 0].numpy()
    )
    found = begun._outputs(CHOSEN, USERS, ITEMS)[:, 0].numpy()
    np.testing.assert_allclose(found - text_alone, numbers[:, 0], atol=1e-5)
    means = RatingMeans().fit(data).predict(CHOSEN, USERS, ITEMS)
    np.testing.assert_allclose(begun.scale.mean + begun.scale.spread * numbers[:, 0], means, atol=1e-5)
