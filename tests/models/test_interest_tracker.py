from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch

from penchant.errors import ConfigError, DataError, TrainingError
from penchant.interfaces import FitOptions
from penchant.models.holdout import held_out
from penchant.models.neighborhood import ItemKNN
from penchant.models.popularity import Popularity
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.models.sequential.transformer import CausalBlock, SequenceEncoder
from tests.models.measures import ndcg
from tests.models.toys import dataset_of, genre_texts, strangers
from tests.worlds import genre_world

QUICK: dict[str, Any] = {
    "dim": 16,
    "dropout": 0.1,
    "batch_tokens": 256,
    "training": {"learning_rate": 0.01, "warmup_steps": 5, "max_epochs": 12, "evaluate_every": 1},
}
WORLD = genre_world()
TRAINING, CASES = held_out(WORLD, FitOptions())


def fitted(**settings) -> InterestTracker:
    config = InterestTrackerConfig.of({**QUICK, **settings})
    options = FitOptions(validation=CASES, item_vectors=genre_texts(WORLD))
    return InterestTracker(config).fit(TRAINING, options=options)


@pytest.fixture(scope="module")
def tracker() -> InterestTracker:
    return fitted()


def test_it_foresees_the_next_item_better_than_models_without_order(tracker):
    popularity = ndcg(Popularity().fit(TRAINING), CASES, WORLD)
    assert ndcg(tracker, CASES, WORLD) > 0.4 > 2 * popularity
    assert ndcg(tracker, CASES, WORLD) > 0.9 * ndcg(ItemKNN().fit(TRAINING), CASES, WORLD)


def test_shuffling_the_history_lowers_the_metric(tracker):
    rng = np.random.default_rng(0)
    histories = CASES.histories
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    shuffled = replace(histories, items=histories.items[np.lexsort((rng.random(len(owners)), owners))])
    assert ndcg(tracker, replace(CASES, histories=shuffled), WORLD) < 0.8 * ndcg(tracker, CASES, WORLD)


def test_scores_are_dot_products_of_the_two_vectors(tracker):
    histories = CASES.histories.take(slice(0, 9))
    products = tracker.user_vectors(histories) @ tracker.item_vectors.T
    np.testing.assert_allclose(tracker.score(histories), products, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(tracker.item_vectors, axis=1), 1.0, rtol=1e-5)


def encoder_of(*, filter_share: float) -> SequenceEncoder:
    torch.manual_seed(0)
    encoder = SequenceEncoder(
        dim=8,
        layers=2,
        heads=2,
        max_length=6,
        dropout=0.0,
        attention_dropout=0.0,
        temperature=0.1,
        filter_share=filter_share,
    ).eval()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return encoder


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_vector_read_at_one_place_is_that_of_the_whole_reading(share):
    encoder = encoder_of(filter_share=share)
    events, places, starts = torch.randn(4, 6, 8), torch.tensor([0, 3, 6, 5]), torch.randn(4, 8)
    states, _ = encoder(events, starts)
    torch.testing.assert_close(encoder.at(events, places, starts), states[torch.arange(4), places])


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_no_state_sees_what_comes_after_it(share):
    encoder, events = encoder_of(filter_share=share), torch.randn(3, 6, 8)
    other = torch.cat([events[:, :4], torch.randn(3, 2, 8)], dim=1)
    before, after = encoder(events)[0], encoder(other)[0]
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert (before[:, 5:] - after[:, 5:]).abs().amax(dim=-1).min() > 1e-3


def test_the_filter_is_the_formula_written_out():
    plain, filtering = (cast(CausalBlock, encoder_of(filter_share=share).blocks[0]) for share in (0.0, 0.25))
    filtering.load_state_dict({**filtering.state_dict(), **plain.state_dict()})
    x = torch.randn(1, 5, 8)
    normed, stepped = plain.attention_norm(x)[0], torch.zeros(5, 8)
    for place in range(5):
        for head in (0, 1):
            part = slice(4 * head, 4 * head + 4)
            delta = 1 / (1 + torch.exp(-filtering.decay[head]))
            weights = [delta ** (place - s) for s in range(place + 1)]
            low = sum(w * normed[s, part] for s, w in enumerate(weights)) / sum(weights)
            stepped[place, part] = low + filtering.high[part] ** 2 * (normed[place, part] - low)
    packed = plain.query_key_value(normed)
    values, attention = packed[:, 16:].view(5, 2, 4), plain(x)[1][0]  # (L, H, D/H), (H, L, L)
    attended = plain.mix(torch.einsum("hls,shd->lhd", attention, values).reshape(5, 8))
    y = x[0] + 0.75 * attended + 0.25 * stepped
    z = y + plain.contract(torch.nn.functional.gelu(plain.expand(plain.forward_norm(y))))
    torch.testing.assert_close(filtering(x)[0][0], z)


def test_a_filtering_tracker_learns_and_comes_back_from_disk_and_from_a_state(tmp_path):
    options = FitOptions(validation=CASES, item_vectors=genre_texts(WORLD))
    config = InterestTrackerConfig.of({**QUICK, "filter_share": 0.3})
    model = InterestTracker(config).fit(TRAINING, options=replace(options, checkpoints=tmp_path / "states"))
    assert ndcg(model, CASES, WORLD) > 0.4
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    again = InterestTracker.load(tmp_path / "model")
    np.testing.assert_array_equal(again.score(CASES.histories), model.score(CASES.histories))
    ended = replace(options, checkpoints=tmp_path / "states", resume=True)
    np.testing.assert_array_equal(
        InterestTracker(config).fit(TRAINING, options=ended).score(CASES.histories), model.score(CASES.histories)
    )


def test_the_item_graph_can_be_read_beside_the_text_or_without_it():
    data, cases = TRAINING, CASES
    settings = {**QUICK, "graph_dim": 8, "training": {**QUICK["training"], "max_epochs": 4}}
    for vectors in (None, genre_texts(WORLD)):
        options = FitOptions(validation=cases, item_vectors=vectors)
        model = InterestTracker(InterestTrackerConfig.of(settings)).fit(data, options=options)
        assert ndcg(model, cases, WORLD) > 2 * ndcg(Popularity().fit(data), cases, WORLD)


def test_a_user_vector_moves_towards_what_the_user_takes_up(tracker):
    before, after = tracker.user_vectors(strangers([0, 1, 2], [0, 1, 2, 30, 31, 32], n_items=60))
    cookery = tracker.item_vectors[30:45].mean(axis=0)
    assert after @ cookery > before @ cookery + 1.0


def test_items_of_a_genre_lie_nearer_than_others(tracker):
    cosines = tracker.item_vectors @ tracker.item_vectors.T
    same = np.arange(60)[:, None] // 15 == np.arange(60)[None, :] // 15
    assert cosines[same].mean() > cosines[~same].mean() + 0.3


def test_attention_rows_sum_to_one_and_never_see_the_future(tracker):
    attention = tracker.attention(strangers([0, 1, 2, 3], [5], n_items=60))
    assert attention.weights_BHSS.shape == (2, 2, 5, 5)
    np.testing.assert_allclose(attention.weights_BHSS.sum(axis=-1), 1.0, rtol=1e-5)
    assert not np.triu(attention.weights_BHSS, k=1).any()
    np.testing.assert_array_equal(attention.mask_BS, [[True] * 5, [True, True, False, False, False]])


def test_padding_does_not_change_a_user(tracker):
    alone = tracker.score(strangers([4, 5], n_items=60))
    beside = tracker.score(strangers([4, 5], list(range(40)), n_items=60))
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-4)


def test_only_the_last_events_count(tracker):
    shorter = fitted(max_length=3, training={**QUICK["training"], "max_epochs": 1})
    long, short = shorter.user_vectors(strangers([9, 8, 7, 1, 2, 3], [1, 2, 3], n_items=60))
    np.testing.assert_allclose(long, short, atol=1e-5)


def test_a_cold_item_is_ranked_by_its_text():
    cold = 20
    data = WORLD.select(WORLD.events.items != cold)
    options = FitOptions(item_vectors=genre_texts(WORLD))
    model = InterestTracker(InterestTrackerConfig.of(QUICK)).fit(data, options=options)
    scores = model.score(strangers([16, 17, 18, 19], n_items=60))[0]
    assert (scores > scores[cold]).sum() < 30


def test_it_works_on_ids_alone():
    model = InterestTracker(InterestTrackerConfig.of(QUICK)).fit(TRAINING, options=FitOptions(validation=CASES))
    assert ndcg(model, CASES, WORLD) > 0.4
    unread = FitOptions(validation=CASES, item_vectors=genre_texts(WORLD))
    same = InterestTracker(InterestTrackerConfig.of({**QUICK, "text": False})).fit(TRAINING, options=unread)
    np.testing.assert_array_equal(same.item_vectors, model.item_vectors)


def test_attributes_give_a_user_without_events_a_vector_of_his_own():
    genres = np.arange(WORLD.n_users) % 4
    attributes = np.eye(4, dtype=np.float32)[genres]  # the genre that each user starts with
    quiet = np.isin(WORLD.events.users, [100, 101, 102, 103])
    data = WORLD.select(~quiet)
    model = InterestTracker(InterestTrackerConfig.of(QUICK)).fit(data, options=FitOptions(user_vectors=attributes))
    empty = replace(strangers([], [], [], [], n_items=60), users=np.array([100, 101, 102, 103], dtype=np.int32))
    favourites = model.score(empty).reshape(4, 4, 15).mean(axis=2).argmax(axis=1)
    np.testing.assert_array_equal(favourites, [0, 1, 2, 3])
    assert np.isfinite(model.score(strangers([], n_items=60))).all()


def test_the_sampled_loss_learns_too():
    model = fitted(full_softmax_items=0, negatives=32)
    assert ndcg(model, CASES, WORLD) > 0.35


def test_the_same_seed_gives_the_same_scores_and_leaves_the_global_generator_alone():
    state = torch.random.get_rng_state()
    short = {"training": {**QUICK["training"], "max_epochs": 2}}
    first, second = fitted(**short), fitted(**short)
    np.testing.assert_array_equal(first.score(CASES.histories), second.score(CASES.histories))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_best_epoch_is_kept_and_recorded(tracker):
    record = tracker.record
    values = [epoch.validation for epoch in record.epochs]
    assert record.best_value == max(values)
    assert values[record.best_epoch - 1] == record.best_value
    assert ndcg(tracker, CASES, WORLD) == pytest.approx(record.best_value, abs=1e-6)


def test_vectors_that_do_not_fit_are_refused():
    texts = genre_texts(WORLD)
    with pytest.raises(DataError, match="60 items"):
        InterestTracker().fit(TRAINING, options=FitOptions(item_vectors=texts[1:]))
    texts[3, 0] = np.nan
    with pytest.raises(DataError, match="item row 3 is not finite"):
        InterestTracker().fit(TRAINING, options=FitOptions(item_vectors=texts))


def test_a_training_that_diverges_says_so():
    wild = InterestTrackerConfig.of({**QUICK, "training": {"learning_rate": 1e30, "warmup_steps": 0}})
    with pytest.raises(TrainingError, match="diverged"):
        InterestTracker(wild).fit(TRAINING, options=FitOptions(validation=CASES))


def test_a_dataset_without_events_is_refused():
    with pytest.raises(DataError, match="no item events"):
        InterestTracker().fit(dataset_of([[]], 3))


def test_single_events_train_without_validation():
    short = InterestTrackerConfig.of({**QUICK, "training": {"max_epochs": 2}})
    model = InterestTracker(short).fit(dataset_of([[0], [1], [1]], 3))
    assert model.record is not None
    assert model.record.stopped == "epochs"
    assert np.isfinite(model.score(strangers([1], [], n_items=3))).all()


def test_heads_must_divide_the_dimension():
    with pytest.raises(ConfigError, match="multiple"):
        InterestTrackerConfig.of({"dim": 10, "heads": 3})


@pytest.mark.parametrize(
    ("settings", "differs"),
    [
        ({"layers": 1}, "layers"),
        ({"filter_share": 0.3}, "filter"),
        ({"heads": 4}, "heads"),
        ({"dropout": 0.6}, "dropout"),
        ({"attention_dropout": 0.5}, "attention dropout"),
        ({"temperature": 0.5}, "temperature"),
        ({"gate_events": 90.0}, "gate"),
        ({"batch_tokens": 64}, "batches"),
        ({"validation_users": 3}, "validation"),
    ],
)
def test_every_setting_changes_what_is_learned(settings, differs):
    short = {"training": {**QUICK["training"], "max_epochs": 2}}
    plain, changed = fitted(**short), fitted(**short, **settings)
    if differs == "validation":
        assert plain.record is not None
        assert changed.record is not None
        assert plain.record.epochs[0].validation != changed.record.epochs[0].validation
    else:
        assert not np.array_equal(plain.score(CASES.histories), changed.score(CASES.histories))
