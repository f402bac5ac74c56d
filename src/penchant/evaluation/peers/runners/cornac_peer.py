"""Cornac (Preferred.AI): BPR, EASE and hierarchical Poisson factorisation on a binary matrix.

Its neural models need torch or TensorFlow and are left out.
"""

import cornac
import numpy as np
from plain_split import by_score

PACKAGE = "cornac"


def bpr(split, run, *, k=10, max_iter=100, learning_rate=0.001, lambda_reg=0.01):
    """The user's factors are those of training."""
    model = cornac.models.BPR(
        k=k, max_iter=max_iter, learning_rate=learning_rate, lambda_reg=lambda_reg, seed=run.seed, verbose=False
    )
    return _of_training(split, run, model)


def hpf(split, run, *, k=5, max_iter=100):
    """The user's factors are those of training."""
    return _of_training(split, run, cornac.models.HPF(k=k, max_iter=max_iter, seed=run.seed, verbose=False))


def ease(split, run, *, lamb=500.0, posB=True):
    """The history asked with takes the place of the training row."""
    model = cornac.models.EASE(lamb=lamb, posB=posB, verbose=False)
    data, _, items = _data(split)
    model.fit(data)
    run.facts["reads_history"] = True

    def scores_of(histories):
        known = histories.matrix(split.n_items)[:, items] @ model.B
        scores = np.full((len(histories), split.n_items), -np.inf, dtype=np.float32)
        scores[:, items] = known
        return scores

    return by_score(scores_of)


def _of_training(split, run, model):
    data, users, items = _data(split)
    model.fit(data)
    run.facts["reads_history"] = False
    place = {row: n for n, row in enumerate(users)}

    def scores_of(histories):
        scores = np.full((len(histories), split.n_items), -np.inf, dtype=np.float32)
        for b, user in enumerate(histories.users.tolist()):
            if user in place:
                scores[b, items] = np.asarray(model.score(place[user])).ravel()[: len(items)]
        return scores

    return by_score(scores_of)


def _data(split):
    """Cornac's data set, and which of our rows its users and items are."""
    pairs = np.unique(split.users * split.n_items + split.items)
    data = cornac.data.Dataset.from_uir(
        [(str(p // split.n_items), str(p % split.n_items), 1.0) for p in pairs.tolist()]
    )
    return data, [int(u) for u in data.uid_map], np.array([int(i) for i in data.iid_map])


ALGORITHMS = {"bpr": bpr, "hpf": hpf, "ease": ease}
