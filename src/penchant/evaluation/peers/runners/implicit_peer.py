"""implicit (Frederickson): ALS, BPR and cosine item-kNN on a binary matrix."""

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from plain_split import by_score

PACKAGE = "implicit"


def als(split, run, *, factors=100, regularization=0.01, alpha=1.0, iterations=15):
    """The user's factors are worked out again from the history asked with."""
    model = AlternatingLeastSquares(
        factors=factors,
        regularization=regularization,
        alpha=alpha,
        iterations=iterations,
        num_threads=run.threads,
        random_state=run.seed,
        use_gpu=False,
    )
    model.fit(split.train_matrix(), show_progress=False)
    run.facts["reads_history"] = True

    def scores_of(histories):
        users = model.recalculate_user(np.arange(len(histories)), histories.matrix(split.n_items))
        return np.atleast_2d(users) @ model.item_factors.T

    return by_score(scores_of)


def bpr(split, run, *, factors=100, learning_rate=0.01, regularization=0.01, iterations=100):
    """The user's factors are those of training: the library does not place new events."""
    model = BayesianPersonalizedRanking(
        factors=factors,
        learning_rate=learning_rate,
        regularization=regularization,
        iterations=iterations,
        num_threads=run.threads,
        random_state=run.seed,
        use_gpu=False,
    )
    model.fit(split.train_matrix(), show_progress=False)
    run.facts["reads_history"] = False
    return by_score(lambda histories: model.user_factors[histories.users] @ model.item_factors.T)


def cosine(split, run, *, K=20):
    """Cosine between the columns of the binary matrix, the K nearest of each item."""
    return _neighbours(split, run, CosineRecommender(K=K, num_threads=run.threads))


def bm25(split, run, *, K=20, K1=1.2, B=0.75):
    """The same on a matrix weighted by BM25."""
    return _neighbours(split, run, BM25Recommender(K=K, K1=K1, B=B, num_threads=run.threads))


def _neighbours(split, run, model):
    model.fit(split.train_matrix(np.float64), show_progress=False)
    run.facts["reads_history"] = True
    return by_score(lambda histories: (histories.matrix(split.n_items, np.float64) @ model.similarity).toarray())


ALGORITHMS = {"als": als, "bpr": bpr, "cosine": cosine, "bm25": bm25}
