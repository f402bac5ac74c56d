"""ALS, item-kNN by cosine, and BPR agree with implicit, an independent implementation."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

from penchant.data.histories import Cases, Histories
from penchant.data.protocols import leave_one_out
from penchant.interfaces import FitOptions
from penchant.metrics.ranking import ndcg_at, target_ranks
from penchant.models.holdout import catalogue_ties
from penchant.models.interactions import SignalConfig
from penchant.models.matrix_factorization.als import ALS, ALSConfig
from penchant.models.matrix_factorization.bpr import BPR, BPRConfig
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.seeding import numpy_rng
from penchant.training.loop import TrainingConfig
from penchant.types import FloatArray
from tests.worlds import genre_world

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about the number of threads
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.cpu.bpr import BayesianPersonalizedRanking
    from implicit.nearest_neighbours import CosineRecommender

WORLD = genre_world(users=160)
SPLIT = leave_one_out(WORLD)
HISTORIES = SPLIT.test.histories
ALPHA, LAMBDA, DIM = 10.0, 2.0, 8


def counts(histories: Histories) -> sp.csr_matrix:
    """(B, I) events, as implicit wants them."""
    users = np.repeat(np.arange(len(histories)), histories.lengths)
    ones = np.ones(len(users), dtype=np.float32)
    matrix = sp.csr_matrix((ones, (users, histories.items)), shape=(len(histories), WORLD.n_items))
    matrix.sum_duplicates()
    return matrix


TRAINING = counts(SPLIT.train.histories())


def confidences(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """implicit is handed c, not r."""
    c = matrix.copy()
    c.data = 1 + ALPHA * c.data
    return c


def figure(scores: FloatArray, cases: Cases) -> float:
    """NDCG@10, history excluded."""
    ranks = target_ranks(scores, cases, ties=catalogue_ties(WORLD, 0), exclude_history=True)
    return float(ndcg_at(ranks, cases.target_indptr, 10).mean())


def our_als() -> ALS:
    config = ALSConfig(
        dim=DIM,
        alpha=ALPHA,
        regularization=LAMBDA,
        frequency_scaling=0,
        decay=1,
        iterations=15,
        signal=SignalConfig(values="count"),
    )
    return ALS(config).fit(SPLIT.train)


def their_als() -> AlternatingLeastSquares:
    return AlternatingLeastSquares(
        factors=DIM, regularization=LAMBDA, alpha=1.0, dtype=np.float64, iterations=15, use_cg=False, num_threads=1
    )


def test_als_solves_users_as_implicit_does():
    ours, theirs = our_als(), their_als()
    theirs.item_factors = ours.item_vectors
    found = theirs.recalculate_user(np.arange(len(HISTORIES)), confidences(counts(HISTORIES)))
    np.testing.assert_allclose(ours.user_vectors(HISTORIES), found, atol=1e-5)


def test_als_goes_the_same_way_from_the_same_start():
    ours, theirs = our_als(), their_als()
    theirs.item_factors = numpy_rng(0, "als").normal(scale=0.1 / np.sqrt(DIM), size=(WORLD.n_items, DIM))
    theirs.user_factors = np.zeros((WORLD.n_users, DIM))
    theirs.fit(confidences(TRAINING), show_progress=False)
    np.testing.assert_allclose(ours.item_vectors, theirs.item_factors, atol=1e-3)
    x, y = theirs.user_factors, theirs.item_factors
    c = np.where(TRAINING.toarray() > 0, 1 + ALPHA * TRAINING.toarray(), 1)
    loss = (c * ((c > 1) - x @ y.T) ** 2).sum() + LAMBDA * ((x**2).sum() + (y**2).sum())
    assert ours.losses[-1] == pytest.approx(loss, rel=1e-4)


@pytest.mark.filterwarnings("ignore:Method expects CSR input")  # implicit warns of its own conversion
def test_cosine_neighbours_are_implicits():
    """To what single precision can tell; implicit keeps each item among its own neighbours."""
    config = ItemKNNConfig(similarity="cosine", signal=SignalConfig(values="count"), damping=0, max_neighbours=60)
    ours = ItemKNN(config).fit(SPLIT.train).neighbours.toarray()
    theirs = CosineRecommender(K=60, num_threads=1)
    theirs.fit(TRAINING, show_progress=False)
    expected = theirs.similarity.toarray()
    np.testing.assert_allclose(np.diagonal(expected)[np.unique(SPLIT.train.events.items)], 1)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_bpr_ranks_as_well_as_implicits():
    """On the histories that both were trained on, after a fixed number of epochs."""
    cases = SPLIT.validation
    theirs = BayesianPersonalizedRanking(
        factors=16, learning_rate=0.05, regularization=0.003, iterations=150, random_state=0, num_threads=1
    )
    theirs.fit(TRAINING, show_progress=False)
    expected = figure((theirs.user_factors @ theirs.item_factors.T)[cases.histories.users], cases)
    training = TrainingConfig(max_epochs=20, evaluate_every=20, learning_rate=0.02, warmup_steps=0)
    ours = BPR(BPRConfig(dim=16, decay=1.0, smallest_batch=256, training=training))
    ours.fit(SPLIT.train, options=FitOptions(validation=cases))
    assert figure(ours.score(cases.histories), cases) > 0.9 * expected > 0.2
