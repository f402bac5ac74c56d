"""Bias model and neighbourhoods equal Surprise's, number by number; factor models beat its own on the same split."""

import numpy as np
import pytest
from surprise import SVD, BaselineOnly, KNNBaseline, KNNBasic, KNNWithMeans, Reader, SVDpp
from surprise import Dataset as Ratings

from penchant.models.interactions import SignalConfig
from penchant.models.rating.bayesian_mf import BayesianMF, BayesianMFConfig
from penchant.models.rating.biased_mf import BiasedMF, BiasedMFConfig
from penchant.models.rating.knn import RatingKNN, RatingKNNConfig
from penchant.models.rating.means import RatingMeans
from penchant.models.rating.svdpp import SVDPP, SVDPPConfig
from penchant.models.user_knn import UserKNN, UserKNNConfig
from tests.models.rating.worlds import factor_world, rmse

DATA, USERS, ITEMS, RATINGS = factor_world(users=70, items=45, share=0.45, noise=0.6, seed=3)
EVENTS = DATA.events


@pytest.fixture(scope="module")
def trainset():
    rows = [(f"u{u}", f"i{i}", r, None) for u, i, r in zip(EVENTS.users, EVENTS.items, EVENTS.values, strict=True)]
    ratings = Ratings(Reader(rating_scale=(1, 5)))
    return ratings.construct_trainset(rows)


def theirs(algorithm, trainset) -> np.ndarray:
    algorithm.verbose = False
    algorithm.fit(trainset)
    return np.array([algorithm.predict(f"u{u}", f"i{i}").est for u, i in zip(USERS, ITEMS, strict=True)])


def ours(model) -> np.ndarray:
    return np.asarray(model.fit(DATA).predict(DATA.histories(), USERS, ITEMS))


def test_the_bias_model_is_theirs(trainset):
    options = {"method": "als", "reg_i": 10, "reg_u": 15, "n_epochs": 10}
    expected = theirs(BaselineOnly(bsl_options=options, verbose=False), trainset)
    np.testing.assert_allclose(ours(RatingMeans()), expected, atol=1e-9)


@pytest.mark.parametrize("by", ["item", "user"])
@pytest.mark.parametrize(
    ("algorithm", "centre"), [(KNNBasic, "none"), (KNNWithMeans, "mean"), (KNNBaseline, "baseline")]
)
@pytest.mark.parametrize("similarity", ["pearson_baseline", "pearson", "cosine"])
def test_neighbourhoods_are_theirs(trainset, by, algorithm, centre, similarity):
    """All neighbours are used, so that no tie at the K-th decides; theirs shrinks `pearson_baseline` only."""
    shrinkage = 7.0 if similarity == "pearson_baseline" else 0.0
    options = {"name": similarity, "user_based": by == "user", "shrinkage": shrinkage}
    expected = theirs(
        algorithm(k=500, sim_options=options, bsl_options={"reg_i": 10, "reg_u": 15, "n_epochs": 10}, verbose=False),
        trainset,
    )
    settings = {"by": by, "similarity": similarity, "shrinkage": shrinkage, "centre": centre, "neighbours": 500}
    np.testing.assert_allclose(ours(RatingKNN(RatingKNNConfig.of(settings))), expected, atol=1e-6)


def test_the_weighted_mean_of_users_alike_by_pearson_is_theirs(trainset):
    """Resnick's prediction, asked of pairs that were not rated, before it is brought within the scale."""
    algorithm = KNNWithMeans(k=500, sim_options={"name": "pearson", "user_based": True}, verbose=False).fit(trainset)
    expected = [algorithm.predict(f"u{u}", f"i{i}", clip=False).est for u, i in zip(USERS, ITEMS, strict=True)]
    signal = SignalConfig(values="value")
    model = UserKNN(UserKNNConfig(similarity="pearson", neighbours=500, signal=signal, weighted_mean=True)).fit(DATA)
    np.testing.assert_allclose(model.score(DATA.histories())[USERS, ITEMS], expected, atol=1e-5)


def test_matrix_factorisation_is_ahead_of_their_svd_on_the_same_split(trainset):
    """Theirs by stochastic descent with its defaults; ours ends at the least of the loss (see `test_scipy`)."""
    reference = rmse(theirs(SVD(n_factors=5, random_state=0), trainset), RATINGS)
    settings = {"dim": 5, "regularization": 5.0, "bias_regularization": 4.0}
    assert rmse(ours(BiasedMF(BiasedMFConfig.of(settings))), RATINGS) < reference


def test_factor_models_are_ahead_of_their_svdpp_on_the_same_split(trainset):
    """Theirs by stochastic descent with its defaults; ours minimises a like objective exactly."""
    reference = rmse(theirs(SVDpp(n_factors=5, random_state=0), trainset), RATINGS)
    settings = {"dim": 5, "regularization": 5.0, "implicit_regularization": 20.0, "bias_regularization": 4.0}
    assert rmse(ours(SVDPP(SVDPPConfig.of(settings))), RATINGS) < reference
    quick = {"dim": 5, "burn_in": 40, "samples": 20}
    assert rmse(ours(BayesianMF(BayesianMFConfig.of(quick))), RATINGS) < reference
