"""Makes result.json: recall of candidate lists, and their order by similarity beside that by the blend.

    python measure.py BOOKS.dataset

The interest model is fitted once, leave-one-out; each test case asks for the item that came next, the history excluded.
Lists of N items are drawn up by similarity alone (the tracker's dot product u·z_i), by the cosine of texts, by item
neighbours, by popularity, and as a request is served: the N most similar and the N best by what else the blend reads
but texts. Orders of the N most similar: as they are, and by the blend, whose weights were fitted on validation. Every
list is held against one that is made by sorting the whole catalogue.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.data.polarity import consumption
from penchant.data.splitting import SplitConfig, splits
from penchant.evaluation.measuring import environment
from penchant.interfaces import FitOptions, top_k
from penchant.metrics.ranking import mask_history, ndcg_at, ranks_among, recall_at
from penchant.metrics.significance import bootstrap_intervals, by_user
from penchant.models.content_based import ContentBased
from penchant.models.holdout import catalogue_ties
from penchant.models.hybrid import LATE, Interest
from penchant.models.hybrid_config import InterestConfig
from penchant.models.neighborhood import ItemKNN
from penchant.models.popularity import Popularity
from penchant.pipeline.encoding import cached_encoder, item_vectors, user_vectors
from penchant.types import BoolArray, DoubleArray, FloatArray, RowArray

HERE = Path(__file__).parent
BATCH = 500


def members(scores: FloatArray, n: int, ties: RowArray) -> BoolArray:
    """The N best of each row, as a mask (B, I)."""
    inside = np.zeros(scores.shape, dtype=np.bool_)
    items = top_k(scores, n, ties=ties).items
    rows, places = np.nonzero(items >= 0)
    inside[rows, items[rows, places]] = True
    return inside


def sorted_whole(scores: FloatArray, n: int, ties: RowArray) -> RowArray:
    """The N best of each row by sorting all items, one user at a time; −1 where there are fewer."""
    found = np.full((len(scores), n), -1, dtype=np.int32)
    for b, row in enumerate(scores):
        order = [i for i in sorted(range(len(row)), key=lambda i: (-row[i], ties[i])) if row[i] > -np.inf]
        found[b, : len(order[:n])] = order[:n]
    return found


class Tally:
    """Values of each case by name, batch after batch."""

    def __init__(self) -> None:
        self.values: dict[str, list[DoubleArray]] = {}

    def add(self, name: str, values: Any) -> None:
        """A batch's, in order."""
        self.values.setdefault(name, []).append(np.asarray(values, dtype=np.float64))

    def of(self, name: str) -> DoubleArray:
        """Of all cases."""
        return np.concatenate(self.values[name])


def asked(model: Interest, others: Mapping[str, Any], part: Cases, sizes: list[int], ties: RowArray, to: Tally) -> None:
    """Note what a batch of cases finds."""
    histories = part.histories
    parts = model.parts(histories, leave_out=LATE)
    beside = np.broadcast_to(parts.summed_beside(), (len(part), model.tracker.item_vectors.shape[0]))
    blend = mask_history(model.score(histories), part)
    similar = mask_history(model.tracker.similarities(parts.users_BD), part)
    near = mask_history(np.where(beside > 0, beside, -np.inf).astype(np.float32), part)
    lists = {"similarity": similar, **{name: mask_history(one.score(histories), part) for name, one in others.items()}}
    whole = ranks_among(blend, part, ties=ties)
    to.add("ndcg by the blend, all items", ndcg_at(whole, part.target_indptr, 10))
    to.add("recall by the blend, all items", recall_at(whole, part.target_indptr, 10))
    ranks = ranks_among(similar, part, ties=ties)
    to.add("ndcg by similarity", ndcg_at(ranks, part.target_indptr, 10))
    to.add("recall by similarity", recall_at(ranks, part.target_indptr, 10))
    to.add(
        "lists unlike the whole sort",
        (sorted_whole(similar, 100, ties) != top_k(similar, 100, ties=ties).items).any(axis=1),
    )
    best = top_k(blend, 10, ties=ties).items
    for n in sizes:
        for name, scores in lists.items():
            to.add(f"recall of {n} by {name}", ranks_among(scores, part, ties=ties) < n)
        inside = members(similar, n, ties)
        served = inside | members(near, n, ties)
        rows, targets = np.arange(len(part)), part.target_items
        to.add(f"recall of {n} as served", served[rows, targets])
        to.add(f"candidates of {n} as served", served.sum(axis=1))
        for name, mask in (("similarity, then the blend", inside), ("served, then the blend", served)):
            some = np.where(mask, blend, -np.inf).astype(np.float32)
            found = ranks_among(some, part, ties=ties)
            found = np.where(mask[rows, targets], found, len(ties))
            to.add(f"ndcg of {n} by {name}", ndcg_at(found, part.target_indptr, 10))
            to.add(f"recall of {n} by {name}", recall_at(found, part.target_indptr, 10))
            if name.startswith("served"):
                to.add(
                    f"first ten of {n} unlike the full ranking", (top_k(some, 10, ties=ties).items != best).any(axis=1)
                )


def row(values: DoubleArray, owners: Any, against: DoubleArray | None = None) -> dict[str, Any]:
    """A mean with its interval over users; and the same of the difference to another."""
    low, high = bootstrap_intervals(by_user(values[:, None], owners))
    told: dict[str, Any] = {"mean": float(values.mean()), "interval": [float(low[0]), float(high[0])]}
    if against is not None:
        told["ahead_of_similarity"] = row(values - against, owners)
    return told


def main() -> None:
    """Fit, ask, write."""
    settings, data = read_toml(HERE / "config.toml"), consumption(Dataset.load(Path(sys.argv[1])))
    split = next(iter(splits(data, "leave-one-out", config=SplitConfig(seed=settings["seed"]))))
    encoder = cached_encoder(None)
    vectors, told = item_vectors(data.items, encoder), user_vectors(split.train, encoder)
    options = FitOptions(validation=split.validation, item_vectors=vectors, user_vectors=told, seed=settings["seed"])
    model = Interest(InterestConfig.of(settings["interest"])).fit(split.train, options=options)
    others = {
        "text": ContentBased().fit(split.train, options=options),
        "item_knn": ItemKNN().fit(split.train, options=options),
        "popularity": Popularity().fit(split.train, options=options),
    }
    ties, tally, sizes = catalogue_ties(data, settings["seed"]), Tally(), settings["sizes"]
    for start in range(0, len(split.test), BATCH):
        asked(model, others, split.test.take(slice(start, start + BATCH)), sizes, ties, tally)
    owners = split.test.histories.users
    plain = {metric: tally.of(f"{metric} by similarity") for metric in ("ndcg", "recall")}
    orders = {"similarity": "by similarity", "the blend, all items": "by the blend, all items"}
    rows: dict[str, Any] = {
        name: {metric: row(tally.of(f"{metric} {key}"), owners, plain[metric]) for metric in plain}
        for name, key in orders.items()
    }
    for n in sizes:
        for name in ("similarity, then the blend", "served, then the blend"):
            rows[f"{n} by {name}"] = {
                metric: row(tally.of(f"{metric} of {n} by {name}"), owners, plain[metric]) for metric in plain
            }
    blend = model.blend
    result = {
        "dataset": {"name": data.name, "fingerprint": data.fingerprint, "items": data.n_items},
        "split_hash": split.hash,
        "cases": len(split.test),
        "settings": settings,
        "blend": {} if blend is None else {name: list(found) for name, found in blend.weights.items()},
        "candidate_recall": {
            str(n): {
                name: row(tally.of(f"recall of {n} {key}"), owners)
                for name, key in {
                    **{name: f"by {name}" for name in ("similarity", *others)},
                    "as served": "as served",
                }.items()
            }
            | {"served_candidates": float(tally.of(f"candidates of {n} as served").mean())}
            for n in sizes
        },
        "order_at_10": rows,
        "lists_unlike_a_sort_of_all_items": int(tally.of("lists unlike the whole sort").sum()),
        "first_ten_unlike_the_full_ranking": {
            str(n): int(tally.of(f"first ten of {n} unlike the full ranking").sum()) for n in sizes
        },
        "environment": environment(),
    }
    (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
