"""Seconds for the 100 best items of every user out of the whole catalogue, by the default recommender with all sources.

    python benchmarks/score_catalogue.py --dataset DIR [--users-at-once 512] [--rounds 3]
        [--out benchmarks/results/score_catalogue.json]

Which items win does not change what it costs, so the tracker trains for one epoch, the texts' vectors are random and
each source has a weight. The dot product of user and item vectors alone, with the same choice of the best, is the
baseline of the same run.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import penchant
from penchant.data.dataset import Dataset
from penchant.data.polarity import consumption
from penchant.interfaces import FitOptions, top_k
from penchant.models.hybrid import Interest
from penchant.models.hybrid_config import InterestConfig
from penchant.seeding import tie_breaks

OUT = Path(__file__).parent / "results" / "score_catalogue.json"
K, TEXT_DIM = 100, 384
WEIGHTS = {"knn": 1.0, "graph": 0.5, "content": 0.5, "popularity": 0.5, "newness": 0.5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--users-at-once", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    data = consumption(Dataset.load(options.dataset))
    config = InterestConfig.of({"tracker": {"training": {"max_epochs": 1}}, "weights": WEIGHTS})
    texts = np.random.default_rng(0).normal(size=(data.n_items, TEXT_DIM)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    model = Interest(config).fit(data, options=FitOptions(item_vectors=texts))
    histories, ids = data.histories(), data.items.ids
    batches = [
        range(start, min(start + options.users_at_once, data.n_users))
        for start in range(0, data.n_users, options.users_at_once)
    ]
    ties = tie_breaks(ids, seed=0)
    users, items = model.tracker.user_vectors(histories), model.tracker.item_vectors

    def whole(batch: range) -> None:
        model.recommend(histories.take(np.asarray(batch)), K, item_ids=ids)

    def product(batch: range) -> None:
        top_k(users[batch.start : batch.stop] @ items.T, K, ties=ties)

    def seconds(call: Callable[[range], None]) -> float:
        begun = time.perf_counter()
        for batch in batches:
            call(batch)
        return round(time.perf_counter() - begun, 2)

    import torch

    rounds = [{"interest": seconds(whole), "dot_product": seconds(product)} for _ in range(options.rounds)]
    result = {
        "dataset": data.name,
        "users": data.n_users,
        "items": data.n_items,
        "events": len(data.events),
        "k": K,
        "users_at_once": options.users_at_once,
        "sources": ["tracker", *WEIGHTS],
        "seconds": rounds,
        "median_seconds": float(np.median([r["interest"] for r in rounds])),
        "median_ratio_to_dot_product": round(float(np.median([r["interest"] / r["dot_product"] for r in rounds])), 2),
        "load_average": [round(x, 2) for x in os.getloadavg()],
        "cpus": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "penchant": penchant.__version__,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
