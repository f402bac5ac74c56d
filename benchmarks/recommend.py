"""Milliseconds of one user's recommendations and profile, from a loaded bundle, at a catalogue of 12,000 items.

    python benchmarks/recommend.py [--bundle BUNDLE] [--users 300] [--out benchmarks/results/recommend.json]

Without a bundle, one is made of a synthetic catalogue: 12,000 items with three tags each, 8,000 users whose histories
have 10 to 120 events. What is timed does not depend on how well it is trained, so it trains for one epoch.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import penchant
from penchant.data.dataset import Dataset, Table
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel, load

ITEMS, USERS, TAGS = 12_000, 8_000, 300
SHORT = 20
"""Events of a short history; the users of most shops have shorter ones."""
OUT = Path(__file__).parent / "results" / "recommend.json"


def synthetic(seed: int = 0) -> Dataset:
    """Users who walk through items near each other, popular items more often."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(10, 121, USERS)
    users = np.repeat(np.arange(USERS), lengths)
    start = np.repeat(rng.integers(ITEMS, size=USERS), lengths)
    items = (start + rng.geometric(0.01, len(users))) % ITEMS
    tags = np.empty(ITEMS, dtype=object)
    tags[:] = [[f"tag {t}" for t in rng.choice(TAGS, 3, replace=False)] for _ in range(ITEMS)]
    titles = np.array([f"Item number {i}" for i in range(ITEMS)], dtype=object)
    return Dataset.of_rows(
        name="synthetic",
        users=Table(tuple(f"u{u}" for u in range(USERS))),
        items=Table(tuple(f"i{i}" for i in range(ITEMS)), {"title": titles, "tags": tags}),
        user_rows=users,
        item_rows=items,
    )


def timed(call: Callable[[str], object], users: list[str]) -> dict[str, float]:
    """Percentiles over users, in milliseconds; each user is asked for the first time."""
    milliseconds = []
    for user in users:
        begun = time.perf_counter()
        call(user)
        milliseconds.append((time.perf_counter() - begun) * 1e3)
    return {f"p{q}_ms": round(float(np.percentile(milliseconds, q)), 3) for q in (50, 95, 99)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle = options.bundle
        if bundle is None:
            bundle = Path(folder) / "bundle"
            training = {"tracker": {"training": {"max_epochs": 1}}}
            config = InterestModelConfig.of({"text": False, "model": training})
            InterestModel(config=config).fit(synthetic()).save(bundle)
        model = load(bundle)
        data = model.fitted.dataset
        rng = np.random.default_rng(1)
        asked = [data.users.ids[u] for u in rng.choice(data.n_users, min(options.users, data.n_users), replace=False)]
        lengths = data.histories().lengths
        short = [data.users.ids[u] for u in np.flatnonzero(lengths <= SHORT)[: options.users]]
        for user in asked[:20]:
            model.recommend(user, 10)
        import torch

        result = {
            "items": data.n_items,
            "users": data.n_users,
            "events": len(data.events),
            "concepts": len(model.fitted.vocabulary.concepts),
            "median_history": float(np.median(data.histories().lengths)),
            "asked": len(asked),
            "recommend_10_with_reasons": timed(lambda user: model.recommend(user, 10), asked),
            f"recommend_10_with_reasons_at_most_{SHORT}_events": timed(lambda user: model.recommend(user, 10), short),
            "decide_10_with_reasons": timed(lambda user: model.decide(user, 10), asked),
            "recommend_10_with_reasons_explored": timed(lambda user: model.recommend(user, 10, explore=0.3), asked),
            "discover_5": timed(lambda user: model.discover(user, 5), asked),
            "recommend_10": timed(lambda user: model.recommend(user, 10, explain=False), asked),
            "interests_12_with_evidence": timed(model.interests, asked),
            "load_average": [round(x, 2) for x in os.getloadavg()],
            "cpus": os.cpu_count(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "torch_threads": torch.get_num_threads(),
            "python": platform.python_version(),
            "penchant": penchant.__version__,
        }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
