"""The machine is the formula with all pairs written out, and it finds what only a pair can say."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from penchant.data.dataset import Dataset
from penchant.models.rating.design import Design
from penchant.models.rating.factorization_machine import FactorizationMachine, FactorizationMachineConfig
from penchant.models.rating.machine import Machine, batch_of
from penchant.types import AnyArray, DoubleArray
from tests.models.rating.worlds import histories, rated, rmse

GROUPS, KINDS = ("young", "old"), ("game", "book")
QUICK: dict[str, Any] = {
    "dim": 4,
    "batch": 128,
    "training": {"learning_rate": 0.03, "max_epochs": 40, "warmup_steps": 5, "evaluate_every": 1},
}
CROSSED = {"steps": [{"step": "select"}, {"step": "cross", "rare": 1}]}
ALONE = {"regularization": 10.0}
"""Vectors are nothing: what is left is linear in the features."""


def crossed_world() -> tuple[Dataset, tuple[AnyArray, ...], DoubleArray]:
    """The young like games and the old like books, and neither likes more: 40 users who rated, and one of each group
    who did not. Some pairs are held out, with their ratings.
    """
    rng = np.random.default_rng(1)
    ratings = np.where(np.arange(42)[:, None] % 2 == np.arange(24) % 2, 4.5, 2.0) + 0.3 * rng.normal(size=(42, 24))
    seen = rng.random((42, 24)) < 0.4
    seen[40:] = False
    data = rated(
        [(u, i, float(np.clip(ratings[u, i], 1, 5))) for u, i in np.argwhere(seen)],
        n_users=42,
        n_items=24,
        users={"group": [GROUPS[u % 2] for u in range(42)]},
        items={"kind": [KINDS[i % 2] for i in range(24)]},
    )
    held = np.nonzero(~seen[:40])
    return data, held, ratings[held]


DATA, HELD, ACTUAL = crossed_world()


def fitted(**settings: Any) -> FactorizationMachine:
    return FactorizationMachine(FactorizationMachineConfig.of({**QUICK, **settings})).fit(DATA)


@pytest.fixture(scope="module")
def model():
    return fitted(features={"steps": [{"step": "select"}, {"step": "transform"}, {"step": "cross", "rare": 1}]})


def written_out(x: DoubleArray, bias: float, weights: DoubleArray, vectors: DoubleArray) -> float:
    """Every pair of features, one after the other."""
    total = bias + float(x @ weights)
    for j in range(len(x)):
        for k in range(j + 1, len(x)):
            total += float(vectors[j] @ vectors[k]) * x[j] * x[k]
    return total


def test_the_module_is_the_number_in_the_docstring():
    machine = Machine(2, 2, penalty=0.1, weight_penalty=0.5)
    with torch.no_grad():
        machine.bias.fill_(0.5)
        machine.weights.copy_(torch.tensor([[1.0], [-1.0]]))
        machine.vectors.copy_(torch.tensor([[1.0, 2.0], [3.0, 1.0]]))
    x = sp.csr_array(np.array([[1.0, 2.0]], dtype=np.float32))
    predicted, squares = machine(x)
    assert predicted.item() == 9.5
    assert squares.item() == 5.0 + 4.0 * 10.0
    loss = machine.loss(batch_of(x, np.array([8.5]), np.array([0])))
    assert loss.item() == pytest.approx(1.0 + 0.1 * 45.0 + 0.5 * 2.0)


def test_the_module_is_the_sum_over_all_pairs_and_so_is_its_gradient():
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    machine = Machine(7, 3, penalty=0.0, weight_penalty=0.0, alone=slice(5, 7))
    with torch.no_grad():
        machine.weights.normal_()
        machine.vectors.normal_()
        machine.bias.fill_(0.3)
    dense = rng.normal(size=(6, 7)) * (rng.random((6, 7)) < 0.6)
    x, learned = sp.csr_array(dense.astype(np.float32)), machine.arrays(7)
    assert not learned["vectors"][5:].any()
    expected = [written_out(row, 0.3, learned["weights"], learned["vectors"]) for row in dense]
    predicted, _ = machine(x)
    np.testing.assert_allclose(predicted.detach().numpy(), expected, atol=1e-5)
    predicted.sum().backward()
    rows = torch.from_numpy(dense)
    vectors = torch.from_numpy(learned["vectors"]).requires_grad_()
    (torch.triu(vectors @ vectors.T, diagonal=1) * torch.einsum("nj,nk->jk", rows, rows)).sum().backward()
    assert machine.vectors.grad is not None
    assert vectors.grad is not None
    np.testing.assert_allclose(machine.vectors.grad[:5], vectors.grad[:5], atol=1e-4)
    assert not machine.vectors.grad[5:].any()


def test_a_fitted_model_is_the_formula_with_the_users_own_part_by_ridge_regression(model):
    arrays, scale, config = model.arrays, model.scale, model.config
    design = Design.of(model.pipeline, DATA)
    learned = float(arrays["bias"][0]), arrays["weights"], arrays["vectors"]
    asked = DATA.histories()
    for user in (0, 7, 41):
        rows = design.of_pairs(np.full(24, user), np.arange(24)).toarray()
        base = np.array([written_out(row, *learned) for row in rows])
        f = np.column_stack([np.ones(24), rows @ arrays["vectors"]])
        mine = asked.of(user)
        items, values = asked.items[mine], (asked.values[mine] - scale.mean) / scale.spread
        ridge = np.diag([config.weight_regularization] + [config.regularization * len(items) + 1e-9] * config.dim)
        own = np.linalg.solve(f[items].T @ f[items] + ridge, f[items].T @ (values - base[items]))
        expected = scale.mean + scale.spread * (base + f @ own)
        found = model.estimate(asked, np.full(24, user), np.arange(24, dtype=np.int32))
        np.testing.assert_allclose(found, expected, atol=1e-6)
        np.testing.assert_allclose(model.score(asked)[user], scale.clipped(expected), atol=1e-5)
    assert (own == 0).all()  # the last one rated nothing


def gaps(model: FactorizationMachine) -> tuple[float, float]:
    """How much more the new young and the new old user like what is of their kind."""
    scores = model.score(DATA.histories(np.array([40, 41])))
    young, old = scores[:, ::2].mean(axis=1) - scores[:, 1::2].mean(axis=1)
    return float(young), float(-old)


def test_a_planted_cross_is_found_that_a_linear_model_cannot_say(model):
    linear = fitted(**ALONE)
    assert min(gaps(model)) > 1.5
    assert sum(gaps(linear)) == pytest.approx(0.0, abs=0.1)  # what one likes more, the other likes more as well
    asked, cases, items = DATA.histories(), HELD[0].astype(np.int64), HELD[1].astype(np.int32)
    found, floor = (rmse(one.predict(asked, cases, items), ACTUAL) for one in (model, linear))
    assert found < 0.45  # the noise is 0.3
    assert floor > 1.0


def test_products_of_vectors_find_it_without_a_cross_and_a_cross_without_vectors():
    assert min(gaps(fitted())) > 0.8  # of 2.5; the penalty takes its part
    assert min(gaps(fitted(**ALONE, features=CROSSED))) > 1.5


def test_without_features_new_users_are_alike():
    model = fitted(features=None)
    assert model.pipeline is None
    np.testing.assert_array_equal(*model.score(DATA.histories(np.array([40, 41]))))


def test_an_item_without_ratings_has_what_its_attributes_give():
    rows = [(u, i, 4.5 if i % 2 else 1.5) for u in range(30) for i in range(10) if (u + i) % 3]
    data = rated(rows, n_items=12, items={"kind": [KINDS[i % 2] for i in range(12)]})
    scores = FactorizationMachine(FactorizationMachineConfig.of(QUICK)).fit(data).score(histories([]))[0]
    assert scores[11] > scores[10] + 1.0


@pytest.mark.parametrize(
    "settings",
    [{"dim": 1}, {"regularization": 3.0}, {"weight_regularization": 500.0}, {"features": None}, {"batch": 32}],
)
def test_every_setting_reaches_the_model(settings):
    short = {"training": {**QUICK["training"], "max_epochs": 4}}
    asked = DATA.histories()
    assert not np.allclose(fitted(**short).score(asked), fitted(**short, **settings).score(asked), atol=1e-3)
