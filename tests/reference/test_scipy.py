"""Factor models end where scipy's L-BFGS ends on the same loss; walks over the item graph are its exponential."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from scipy.optimize import fmin_l_bfgs_b

from penchant.models.graph.smoothing import GraphSmoothing, GraphSmoothingConfig
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.models.rating.biased_mf import BiasedMF, BiasedMFConfig
from penchant.models.rating.svdpp import SVDPP, SVDPPConfig
from penchant.types import DoubleArray
from tests.models.rating.worlds import factor_world
from tests.worlds import genre_world

DATA, USERS, ITEMS, _ = factor_world(users=40, items=25, share=0.5, noise=0.5, seed=8)
N_USERS, N_ITEMS, DIM = DATA.n_users, DATA.n_items, 2
LAMBDA, LAMBDA_B, LAMBDA_Y = 3.0, 1.5, 10.0
RATED = torch.zeros(N_USERS, N_ITEMS, dtype=torch.float64)
RATED[DATA.events.users, DATA.events.items] = 1.0
RATINGS = torch.zeros_like(RATED)
RATINGS[DATA.events.users, DATA.events.items] = torch.from_numpy(DATA.events.values)
MEAN, SPREAD = float(DATA.events.values.mean()), float(DATA.events.values.std())


def parts(flat: torch.Tensor) -> list[torch.Tensor]:
    """b_u, b_i, p, q and y out of one vector."""
    shapes = [(N_USERS,), (N_ITEMS,), (N_USERS, DIM), (N_ITEMS, DIM), (N_ITEMS, DIM)]
    sizes = [math.prod(shape) for shape in shapes]
    return [part.reshape(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)]


def estimates(flat: torch.Tensor, *, implicit: bool) -> torch.Tensor:
    """Every user's rating of every item, (U, I)."""
    b_u, b_i, p, q, y = parts(flat)
    users = p + (RATED / RATED.sum(dim=1, keepdim=True).sqrt()) @ y if implicit else p
    return MEAN + SPREAD * (b_u[:, None] + b_i + users @ q.T)


def loss(flat: torch.Tensor, *, implicit: bool) -> torch.Tensor:
    """L of Koren (2008), and without y that of Koren, Bell and Volinsky (2009); λ weighs each vector once."""
    b_u, b_i, p, q, y = parts(flat)
    errors = RATED * (RATINGS - estimates(flat, implicit=implicit)) / SPREAD
    biases = LAMBDA_B * (b_u.square().sum() + b_i.square().sum())
    vectors = LAMBDA * (p.square().sum() + q.square().sum()) + LAMBDA_Y * y.square().sum()
    return errors.square().sum() + biases + vectors


def minimum(*, implicit: bool) -> tuple[float, np.ndarray]:
    """The least loss of several starts, and what is estimated there, by L-BFGS with torch's gradients."""

    def value(x: DoubleArray) -> tuple[float, DoubleArray]:
        flat = torch.from_numpy(x).requires_grad_()
        found = loss(flat, implicit=implicit)
        found.backward()
        assert flat.grad is not None
        return found.item(), flat.grad.numpy()

    size = (N_USERS + N_ITEMS) * (1 + DIM) + N_ITEMS * DIM
    starts = [np.random.default_rng(seed).normal(scale=0.3, size=size) for seed in range(4)]
    found = [fmin_l_bfgs_b(value, x, factr=1.0, pgtol=1e-9, maxiter=5_000, maxfun=10_000)[:2] for x in starts]
    x, least = min(found, key=lambda one: float(one[1]))
    return float(least), estimates(torch.from_numpy(x), implicit=implicit).numpy()


@pytest.mark.parametrize("name", ["biased_mf", "svdpp"])
def test_half_steps_end_where_l_bfgs_ends(name):
    """The same loss, and the same ratings of pairs that were not rated: vectors may be turned, ratings may not."""
    settings = {"dim": DIM, "regularization": LAMBDA, "bias_regularization": LAMBDA_B, "iterations": 400}
    model = (
        BiasedMF(BiasedMFConfig.of(settings))
        if name == "biased_mf"
        else SVDPP(SVDPPConfig.of({**settings, "implicit_regularization": LAMBDA_Y}))
    )
    model.fit(DATA)
    least, expected = minimum(implicit=name == "svdpp")
    biases_alone = loss(torch.zeros((N_USERS + N_ITEMS) * 3 + N_ITEMS * DIM, dtype=torch.float64), implicit=False)
    assert least < 0.5 * float(biases_alone)
    assert model.losses[-1] == pytest.approx(least, rel=1e-6)
    found = model.predict(DATA.histories(), USERS, ITEMS)
    np.testing.assert_allclose(found, np.clip(expected, 1, 5)[USERS, ITEMS], atol=2e-3)


def test_the_steps_of_a_heat_kernel_give_the_matrix_exponential():
    """exp(tS) − 1 without its diagonal, where every edge is kept."""
    world = genre_world(users=20, per_genre=6)
    settings = {"similarity": "cooccurrence", "window": 2, "max_neighbours": world.n_items}
    kappa = ItemKNN(ItemKNNConfig.of(settings)).fit(world).neighbours.toarray().astype(np.float64)
    t = 0.7
    expected = expm(t * kappa / kappa.sum(axis=1).mean())
    np.fill_diagonal(expected, 0.0)
    config = GraphSmoothingConfig.of(
        {
            **settings,
            "steps": tuple(t**k / math.factorial(k) for k in range(1, 16)),
            "walk_neighbours": world.n_items,
        }
    )
    found = GraphSmoothing(config).fit(world).neighbours.toarray()
    assert (found > 0).sum() > (kappa > 0).sum()
    np.testing.assert_allclose(found, expected, atol=1e-6)
