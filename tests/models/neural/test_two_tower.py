"""Two towers: every similarity learns, what a score is, cold items and users, the correction for popularity."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch

from penchant.data.dataset import Dataset, Table
from penchant.errors import UnsupportedError
from penchant.interfaces import FitOptions
from penchant.metrics.similarity import SimilarityName
from penchant.models.content_based import ContentBased
from penchant.models.holdout import held_out
from penchant.models.neural.towers import TwoTowerConfig
from penchant.models.neural.two_tower import TwoTower
from penchant.models.popularity import Popularity
from penchant.training.losses import candidates_softmax_loss
from penchant.training.scoring_heads import candidate_probabilities
from tests.models.measures import ndcg
from tests.models.toys import genre_texts, strangers
from tests.worlds import genre_world

WORLD = genre_world(users=120)
TRAINING, CASES = held_out(WORLD, FitOptions())
TEXTS = genre_texts(WORLD)
QUICK: dict[str, Any] = {
    "dim": 16,
    "hidden": 32,
    "dropout": 0.0,
    "batch_tokens": 256,
    "training": {"learning_rate": 0.02, "warmup_steps": 5, "max_epochs": 5, "evaluate_every": 5},
}


def fitted(data: Dataset = TRAINING, texts: Any = TEXTS, **settings: Any) -> TwoTower:
    options = FitOptions(validation=CASES, item_vectors=texts)
    return TwoTower(TwoTowerConfig.of({**QUICK, **settings})).fit(data, options=options)


@pytest.fixture(scope="module")
def towers() -> TwoTower:
    return fitted()


@pytest.mark.parametrize("name", get_args(SimilarityName))
def test_every_similarity_learns_and_scores_are_its_values_on_the_two_vectors(name):
    model = fitted(similarity=name)
    assert ndcg(model, CASES, WORLD) > 2 * ndcg(Popularity().fit(TRAINING), CASES, WORLD)
    histories = CASES.histories.take(slice(0, 9))
    alike = model.similarity(model.user_vectors(histories), model.item_vectors)
    scale, shift = model.module.log_scale.exp().item(), model.module.shift.item()
    np.testing.assert_allclose(model.score(histories), scale * alike + shift, atol=2e-3)


def test_a_trained_network_beats_the_untrained_cosine_on_held_out_pairs():
    untrained = ContentBased().fit(TRAINING, options=FitOptions(item_vectors=TEXTS))
    longer = {**QUICK["training"], "max_epochs": 8, "evaluate_every": 8}
    assert ndcg(fitted(similarity="neural", training=longer), CASES, WORLD) > 1.2 * ndcg(untrained, CASES, WORLD)


def test_shuffling_the_history_lowers_the_metric(towers):
    rng = np.random.default_rng(0)
    histories = CASES.histories
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    shuffled = replace(histories, items=histories.items[np.lexsort((rng.random(len(owners)), owners))])
    assert ndcg(towers, replace(CASES, histories=shuffled), WORLD) < 0.7 * ndcg(towers, CASES, WORLD)


def test_the_binary_loss_learns_too():
    assert ndcg(fitted(loss="binary"), CASES, WORLD) > 2 * ndcg(Popularity().fit(TRAINING), CASES, WORLD)


def test_a_softmax_head_gives_probabilities_in_the_order_of_the_similarities(towers):
    histories = CASES.histories.take(slice(0, 9))
    softmax = fitted(head="softmax").score(histories)
    np.testing.assert_allclose(softmax.sum(axis=1), 1.0, rtol=1e-5)
    expected = candidate_probabilities(torch.from_numpy(towers.score(histories))).numpy()
    np.testing.assert_allclose(softmax, expected, rtol=1e-4)


def rated(world: Dataset) -> Dataset:
    """Items of the second half of each genre are rated 5, the others 1."""
    high = world.events.items % 15 > 7
    events = replace(world.events, values=np.where(high, 5.0, 1.0))
    return replace(world, events=events, rating_scale=(1.0, 5.0))


def test_a_rated_softmax_weighs_probabilities_by_damped_mean_ratings():
    data = rated(TRAINING)
    model = fitted(data, head="rated_softmax")
    histories = CASES.histories.take(slice(0, 9))
    plain = fitted(data, head="softmax").score(histories)
    values, items = data.events.values, data.events.items
    damped = [(values[items == i].sum() + 10 * values.mean()) / ((items == i).sum() + 10) for i in range(60)]
    np.testing.assert_allclose(model.score(histories), plain * np.array(damped, dtype=np.float32), rtol=1e-4)


def test_a_rated_softmax_without_ratings_says_what_is_missing():
    with pytest.raises(UnsupportedError, match="needs ratings") as caught:
        fitted(head="rated_softmax")
    assert "'softmax'" in caught.value.hint


def test_a_new_item_is_placed_by_its_text_or_its_attributes():
    mystery, cookery = 20, 40  # without events, of the second genre and of the third
    data = TRAINING.select((TRAINING.events.items != mystery) & (TRAINING.events.items != cookery))
    readers = strangers(*([16 + k, 17 + k, 18 + k] for k in (0, 2, 6, 8)), n_items=60)  # of the second
    for model in (fitted(data), fitted(data, None)):  # with texts; with the tags alone
        scores = model.score(readers)
        assert (scores[:, mystery] > scores[:, cookery] + 1.0).all()
        assert (scores[:, mystery] > np.median(scores, axis=1)).all()
    blind = fitted(data, None, features=None).score(readers)
    np.testing.assert_allclose(blind[:, mystery], blind[:, cookery], rtol=1e-5)


def test_attributes_give_a_user_without_events_a_vector_of_his_own():
    world = genre_world(users=120, newcomers=8)
    model = TwoTower(TwoTowerConfig.of(QUICK)).fit(world)
    quiet = replace(strangers(*([[]] * 8), n_items=60), users=np.arange(120, 128, dtype=np.int32))
    favourites = model.score(quiet).reshape(8, 4, 15).mean(axis=2).argmax(axis=1)
    assert (favourites == np.arange(120, 128) % 4).mean() > 0.7
    unknown = model.score(strangers([], n_items=60))
    assert np.isfinite(unknown).all()


def test_the_user_is_his_history_averaged_at_several_speeds():
    model = TwoTower(TwoTowerConfig.of({**QUICK, "decays": [1.0, 0.5]}))
    module = model.build({"n_items": 4, "n_users": 1, "item_facts": 0, "user_facts": 0}).eval()
    events = torch.randn(1, 3, 16, generator=torch.Generator().manual_seed(1))
    seen: list[torch.Tensor] = []
    module.user_tower.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    module.users(events, torch.tensor([-1]))
    before, first, second, third = module.nothing, *events[0]
    torch.testing.assert_close(seen[0][0, 0], torch.cat([before, before]))
    evenly = (before + first + second + third) / 4
    fading = (0.125 * before + 0.25 * first + 0.5 * second + third) / 1.875
    torch.testing.assert_close(seen[0][0, 3], torch.cat([evenly, fading]))


@pytest.mark.parametrize("corrected", [True, False])
def test_with_the_correction_what_is_popular_is_learned_and_without_it_is_not(corrected):
    """Candidates that are the batch's own targets come as often as they are popular; only the correction shows it."""
    generator = torch.Generator().manual_seed(3)
    chances = torch.tensor([0.5, 0.25, 0.125, 0.0625, 0.0625])
    logits = torch.zeros(5, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.05)
    for _ in range(300):
        targets = torch.multinomial(chances, 64, replacement=True, generator=generator)
        log_q = chances[targets].log() if corrected else torch.zeros(64)
        others = logits[targets].expand(64, 64)
        loss = candidates_softmax_loss(logits[targets], others, log_q, targets[:, None] != targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    learned = logits.detach().softmax(dim=0)
    error = float((learned - chances).abs().max())
    assert error < 0.1 if corrected else error > 0.2


def test_scores_in_blocks_are_the_same(monkeypatch):
    model = fitted(similarity="neural", training={**QUICK["training"], "max_epochs": 1})
    histories = CASES.histories.take(slice(0, 7))
    whole = model.score(histories)
    monkeypatch.setattr("penchant.models.neural.two_tower.NUMBERS_AT_ONCE", 1)
    np.testing.assert_allclose(model.score(histories), whole, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": 8},
        {"temperature": 0.5},
        {"decays": [1.0]},
        {"max_length": 2},
        {"gate_events": 90.0},
        {"features": None},
        {"candidates": 5},
        {"batch_tokens": 64},
        {"loss": "binary"},
        {"dropout": 0.5},
    ],
)
def test_every_setting_reaches_the_model(settings):
    def short(**more: Any) -> np.ndarray:
        few = TRAINING.select(TRAINING.events.users < 30)
        return fitted(few, training={**QUICK["training"], "max_epochs": 1, "evaluate_every": 1}, **more).score(
            CASES.histories
        )

    assert not np.array_equal(short(), short(**settings))


def test_tables_without_attributes_are_fine():
    bare = replace(TRAINING, users=Table(TRAINING.users.ids), items=Table(TRAINING.items.ids))
    model = fitted(bare, None)
    assert model.module.of_facts is None
    assert ndcg(model, CASES, WORLD) > 2 * ndcg(Popularity().fit(TRAINING), CASES, WORLD)
