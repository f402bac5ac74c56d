from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from penchant.data.dataset import Dataset
from penchant.data.links import Links
from penchant.errors import DataError
from penchant.interfaces import FitOptions
from penchant.models.graph.interactions import InteractionGraph
from penchant.models.graph.lightgcn import LightGCN, LightGCNConfig
from penchant.models.graph.propagation import GraphModule
from penchant.models.holdout import held_out
from penchant.models.popularity import Popularity
from penchant.training.loop import Trainer, TrainingConfig
from penchant.training.pairs import PairBatch, PairBatches
from tests.models.measures import ndcg
from tests.models.toys import dataset_of, strangers
from tests.worlds import genre_world

TOY = dataset_of([[0, 1], [1, 2], [2, 3, 0], [3]], 5)
WORLD = genre_world(users=96)
FAST: dict[str, Any] = {
    "dim": 16,
    "layers": 2,
    "batch_pairs": 512,
    "training": {"max_epochs": 30, "learning_rate": 0.03, "warmup_steps": 0, "evaluate_every": 5},
}


def fit(data: Dataset = WORLD, **settings: Any) -> LightGCN:
    return LightGCN(LightGCNConfig.of({**FAST, **settings})).fit(data, options=FitOptions(seed=1))


@pytest.fixture(scope="module")
def model() -> LightGCN:
    return fit()


def module_of(data: Dataset = TOY, **settings: Any) -> tuple[GraphModule, InteractionGraph]:
    torch.manual_seed(0)
    graph = InteractionGraph.of(data)
    return GraphModule(graph, **{"dim": 3, "layers": 3, "spread": 0.1, **settings}), graph


def test_propagation_is_the_mean_of_the_layers_by_hand():
    module, graph = module_of()
    adjacency = graph.adjacency.toarray()
    roots = np.where(adjacency.sum(axis=1) > 0, 1 / np.sqrt(np.maximum(adjacency.sum(axis=1), 1)), 0.0)
    normalised = roots[:, None] * adjacency * roots[None, :]
    layers = [module.start().detach().double().numpy()]
    for _ in range(3):
        layers.append(normalised @ layers[-1])
    found = module.propagation(module.start()).detach().numpy()
    np.testing.assert_allclose(found, np.mean(layers, axis=0), atol=1e-6)


def test_the_gradient_of_the_propagation_is_that_of_its_dense_twin():
    module, _ = module_of()
    start = module.start().detach().requires_grad_()
    weight = torch.randn(9, 3)
    (module.propagation(start) * weight).sum().backward()
    assert start.grad is not None
    step = 1e-2
    moved = start.detach().clone()
    moved[5, 1] += step
    change = ((module.propagation(moved) - module.propagation(start.detach())) * weight).sum() / step
    assert change.item() == pytest.approx(start.grad[5, 1].item(), rel=1e-2, abs=1e-4)


def test_gradients_are_cleared_between_steps_and_the_loss_falls():
    module, graph = module_of(WORLD, dim=8)

    def loss(batch: PairBatch) -> torch.Tensor:
        return module.loss(batch, 1e-4)

    batch = PairBatches(graph.edges_UI, size=400, unwanted=2, seed=0, epoch=1)[0]
    still = Trainer(module, loss, TrainingConfig(learning_rate=0.0, warmup_steps=0), total_steps=9)
    assert still.step(batch) == still.step(batch)
    moving = Trainer(module, loss, TrainingConfig(learning_rate=0.05, warmup_steps=0), total_steps=80)
    losses = [moving.step(batch).loss for _ in range(40)]
    assert losses[-1] < 0.5 * losses[0]


def test_the_loss_is_bpr_plus_the_lengths_of_the_layer_0_vectors_by_hand():
    module, _ = module_of()
    batch = PairBatch(
        users_N=torch.tensor([0, 2]), wanted_N=torch.tensor([1, 3]), unwanted_NS=torch.tensor([[4, 2], [1, 4]])
    )
    vectors = module.propagation(module.start()).detach().double().numpy()
    start = module.start().detach().double().numpy()
    pairs, lengths = [], 0.0
    for user, wanted, unwanted in [(0, 1, (4, 2)), (2, 3, (1, 4))]:
        pairs += [np.log1p(np.exp(vectors[user] @ (vectors[4 + j] - vectors[4 + wanted]))) for j in unwanted]
        lengths += (start[user] ** 2).sum() + (start[4 + wanted] ** 2).sum()
        lengths += np.mean([(start[4 + j] ** 2).sum() for j in unwanted])
    assert module.loss(batch, 0.0).item() == pytest.approx(np.mean(pairs), rel=1e-5)
    assert module.loss(batch, 0.5).item() == pytest.approx(np.mean(pairs) + 0.5 / 4 * lengths, rel=1e-5)


def test_it_learns_the_genres(model):
    training, cases = held_out(WORLD, FitOptions(seed=1))
    assert ndcg(model, cases, WORLD) > 1.5 * ndcg(Popularity().fit(training), cases, WORLD)
    assert model.record is not None
    assert model.record.epochs[-1].loss < 0.7 * model.record.epochs[0].loss
    assert model.graph is not None
    assert model.graph.edges == len(set(zip(training.events.users, training.events.items, strict=True)))


def test_a_history_is_folded_in_as_the_layers_above_0_of_a_user_with_its_edges():
    """Without vectors of their own and without decay, users of the training graph are folded in exactly."""
    model = fit(user_vectors=False, decay=1.0)
    graph_data, _ = held_out(WORLD, FitOptions(seed=1))
    vectors = model.user_vectors(graph_data.histories())
    module = GraphModule(InteractionGraph.of(graph_data), dim=16, layers=2, spread=0.1, user_vectors=False)
    # The trained layer 0 is not kept; any other layer 0 must be folded in exactly too.
    model._adopt(module)
    propagated = module.propagation(module.start()).detach().numpy()
    np.testing.assert_allclose(model.user_vectors(graph_data.histories()), propagated[:96], atol=1e-6)
    np.testing.assert_allclose(model.item_vectors, propagated[96:], atol=1e-6)
    assert vectors.shape == (96, 16)


def test_folding_in_is_near_to_refitting():
    """Users left out of the fit and folded in are ranked for nearly as well as by a model refitted with them."""
    world = genre_world(users=300)
    _, cases = held_out(world, FitOptions(seed=1))
    newcomers = cases.take(np.arange(240, 300))
    refitted, early = fit(world), fit(world.select(world.events.users < 240))
    assert ndcg(refitted, newcomers, world) > 0.3
    assert ndcg(early, newcomers, world) > 0.8 * ndcg(refitted, newcomers, world)


def test_event_weights_are_the_exact_parts_of_the_score(model):
    history = replace(strangers([3, 7, 3, 20], n_items=60))
    items = np.array([4, 8, 59], dtype=np.int32)
    parts = model.event_weights(history, items)
    np.testing.assert_allclose(parts.sum(axis=0), model.score(history)[0, items], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(parts[0], parts[2])  # both events on item 3
    assert model.event_weights(strangers([], n_items=60), items).shape == (0, 3)


def test_a_history_of_only_dislikes_adds_nothing():
    data = replace(WORLD, event_types=(*WORLD.event_types, "dislike"))
    model = fit(data, training={**FAST["training"], "max_epochs": 1})
    history = strangers([3, 7], n_items=60)
    disliked = replace(history, types=np.full(2, len(WORLD.event_types), dtype=np.int32))
    items = np.array([4, 8, 59], dtype=np.int32)
    np.testing.assert_array_equal(model.event_weights(disliked, items), np.zeros((2, 3)))
    assert not model.score(disliked).any()


def test_every_validation_also_measures_training(model):
    assert model.record is not None
    measured = [epoch.training for epoch in model.record.epochs if epoch.validation is not None]
    assert measured
    assert None not in measured


def test_friends_pass_on_what_they_like():
    """Users 0–47 only start; each is a friend of user 48 + k, who likes the same genre."""
    first = np.arange(48)
    data = replace(WORLD, links=Links.of_pairs("social", "user", first.tolist(), (first + 48).tolist()))
    model = fit(data, links=("social",))
    assert model.graph is not None
    assert model.graph.links == 48
    nobody = strangers([], [], n_items=60)
    known = replace(nobody, users=np.array([0, -1], dtype=np.int32))
    scores = model.score(known)
    assert scores[0].any()
    assert not scores[1].any()
    genres = scores[0].reshape(4, 15).mean(axis=1)
    theirs = np.bincount(WORLD.histories().items[WORLD.histories().of(48)] // 15, minlength=4)
    assert theirs[genres.argmax()] > 0


def test_every_setting_reaches_the_training():
    base = fit(training={**FAST["training"], "max_epochs": 2})
    histories = WORLD.histories().take([0, 1])
    changes: tuple[dict[str, Any], ...] = (
        {"dim": 8}, {"layers": 1}, {"user_vectors": False}, {"regularisation": 1.0}, {"negatives": 3},
        {"batch_pairs": 64}, {"spread": 0.5}, {"decay": 0.5},
    )  # fmt: skip
    for changed in changes:
        other = fit(**{"training": {**FAST["training"], "max_epochs": 2}, **changed})
        assert not np.allclose(other.score(histories), base.score(histories), atol=1e-6), changed


def test_data_without_an_event_for_an_item_is_refused():
    data = Dataset.of_rows(
        name="hate",
        users=TOY.users,
        items=TOY.items,
        user_rows=np.array([0, 0, 1, 1]),
        item_rows=np.array([0, 1, 1, 2]),
        types=np.zeros(4, dtype=np.int32),
        event_types=("dislike",),
    )
    with pytest.raises(DataError, match="no event that speaks for its item"):
        LightGCN().fit(data)
