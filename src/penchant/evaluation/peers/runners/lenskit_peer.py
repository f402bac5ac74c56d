"""LensKit (Ekstrand): item-kNN, implicit-feedback ALS and EASE; all three read the history asked with."""

import numpy as np
import pandas as pd
from lenskit.als import ImplicitMFScorer
from lenskit.data import ItemList, RecQuery, from_interactions_df
from lenskit.knn import EASEScorer, ItemKNNScorer
from lenskit.training import TrainingOptions
from plain_split import by_score

PACKAGE = "lenskit"


def item_knn(split, run, *, max_nbrs=20):
    """Cosine neighbours; the score adds up the similarities of the nearest `max_nbrs` of the history."""
    return _fitted(split, run, ItemKNNScorer(max_nbrs=max_nbrs, feedback="implicit"))


def als(split, run, *, embedding_size=50, epochs=10, regularization=0.1, weight=40.0):
    """The user's vector is worked out again from the history asked with."""
    model = ImplicitMFScorer(embedding_size=embedding_size, epochs=epochs, regularization=regularization, weight=weight)
    return _fitted(split, run, model)


def ease(split, run, *, regularization=1.0):
    """The library's own default of 1 is far below the hundreds that its paper uses."""
    return _fitted(split, run, EASEScorer(regularization=regularization))


def _fitted(split, run, model):
    # Repeated pairs are refused by the library.
    pairs = np.unique(split.users * split.n_items + split.items)
    frame = pd.DataFrame({"user_id": pairs // split.n_items, "item_id": pairs % split.n_items})
    model.train(from_interactions_df(frame), TrainingOptions(rng=run.seed, device="cpu"))
    run.facts["reads_history"] = True
    # Items it was not trained on make two of the three fail: they are neither asked with nor asked for.
    known = np.unique(split.items)
    catalogue = ItemList(item_ids=known)

    def scores_of(histories):
        scores = np.full((len(histories), split.n_items), -np.inf, dtype=np.float32)
        for b in range(len(histories)):
            items = ItemList(item_ids=np.intersect1d(histories.of(b), known))
            answer = model(RecQuery(user_id=int(histories.users[b]), history_items=items), catalogue)
            scores[b, known] = answer.scores()
        return scores

    return by_score(scores_of)


ALGORITHMS = {"item_knn": item_knn, "als": als, "ease": ease}
