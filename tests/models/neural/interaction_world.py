"""A world in which two things say something together that neither says alone."""

import numpy as np

from penchant.data.dataset import Dataset
from penchant.interfaces import FitOptions, Recommender
from penchant.models.holdout import held_out
from penchant.types import DoubleArray
from tests.models.toys import dataset_of, strangers

GROUP = 6


def interaction_world(*, users: int = 300, seed: int = 0) -> Dataset:
    """Every user has one of items 0 and 1, one of items 2 and 3, and one item of a group: the first group (4 … 9) where
    the two agree, the second (10 … 15) where they differ. Each of the four is as often followed by either group.
    """
    rng = np.random.default_rng(seed)
    histories = []
    for _ in range(users):
        a, b = rng.integers(2, size=2)
        histories.append([a, 2 + b, 4 + GROUP * (a ^ b) + rng.integers(GROUP)])
    return dataset_of(histories, 4 + 2 * GROUP)


def fit_to_it(model: Recommender) -> Recommender:
    """Fit on the whole world, its own last events as validation: what is asked below is none of them."""
    world = interaction_world()
    return model.fit(world, options=FitOptions(validation=held_out(world, FitOptions())[1]))


def leads(model: Recommender) -> DoubleArray:
    """How far the right group's mean score leads the other's, for each of the four combinations.

    A model whose scores are a sum over the history's items cannot lead in all four: the four leads then sum to zero.
    """
    askers = strangers(*([a, 2 + b] for a in (0, 1) for b in (0, 1)), n_items=4 + 2 * GROUP)
    scores = model.score(askers).astype(np.float64)
    first = scores[:, 4 : 4 + GROUP].mean(axis=1) - scores[:, 4 + GROUP :].mean(axis=1)
    return np.asarray(first * [1, -1, -1, 1])
