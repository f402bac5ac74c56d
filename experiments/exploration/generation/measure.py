"""Makes a result file: what generated rows are worth to a recommender, beside as many plainly resampled ones.

The data are thinned, and most users made sparse. leave-one-out divides them; a generator learns from the training part
alone, and its twins join the training part alone, so that every arm is asked the same cases:

- `none`: the training part as it is
- `resample`: as many rows, stretches of other users' histories behind a sparse user's own events
- `gan`, `sequence_gan`: as many rows made by a network

NDCG@10 with the history excluded, for all test users and by how many events they are asked with; each arm and model
with three seeds of generator and fit. `gain` is over `none` and `over_resample` over `resample`, both paired by user
over the mean of the seeds, with 95 % bootstrap intervals over users; `seeds` are the means of each seed.

    python measure.py --data DATASET --config config.toml --json result-books.json
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from penchant.config import read_toml
from penchant.data.dataset import Dataset, Table
from penchant.data.folder import load_dataset
from penchant.data.splitting import split
from penchant.evaluation.bench import Bench
from penchant.evaluation.measuring import environment
from penchant.metrics.ranking import ndcg_at
from penchant.models.adversarial.augmenting import AugmentConfig, augment
from penchant.models.catalogue import RECOMMENDERS
from penchant.progress import Progress
from penchant.seeding import numpy_rng

ARMS = ("none", "resample", "gan", "sequence_gan")
SEEDS = (0, 1, 2)
RESAMPLES = 2_000


class Lines(Progress):
    """Prints what is noted."""

    def note(self, text: str) -> None:
        """Print it."""
        print(text, flush=True)


def thinned(data: Dataset, world: dict[str, Any]) -> Dataset:
    """The most frequent items, a sample of users, and of the sparse ones among them a few consecutive events."""
    rng = numpy_rng(world["seed"], "thinned")
    items = np.sort(np.argsort(-data.item_counts(), kind="stable")[: world["items"]])
    place = np.full(data.n_items, -1)
    place[items] = np.arange(len(items))
    histories = data.histories()
    rows: list[tuple[int, int]] = []
    values: list[float] = []
    users: list[str] = []
    for user in rng.permutation(data.n_users):
        mine = np.arange(*histories.of(int(user)).indices(len(histories.items)))
        mine = mine[place[histories.items[mine]] >= 0]
        if len(mine) < world["full_events"]:
            continue
        low, high = world["sparse_events"]
        wanted = int(rng.integers(low, high + 1)) if rng.random() < world["sparse_share"] else world["full_events"]
        start = int(rng.integers(len(mine) - wanted + 1))
        rows += [(len(users), int(place[histories.items[event]])) for event in mine[start : start + wanted]]
        values += histories.values[mine[start : start + wanted]].tolist()
        users.append(data.users.ids[int(user)])
        if len(users) == world["users"]:
            break
    of, on = np.array(rows).T
    return Dataset.of_rows(
        name=f"{data.name}, thinned",
        users=Table(tuple(users)),
        items=Table(tuple(data.items.ids[item] for item in items)),
        user_rows=of,
        item_rows=on,
        values=np.array(values),
        event_types=data.event_types[:1],
        rating_scale=data.rating_scale,
    )


def interval(values: np.ndarray) -> list[float]:
    """Mean of users' values and its 95 % bootstrap interval."""
    rng = numpy_rng(0, "bootstrap")
    means = values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(axis=1)
    return [round(float(x), 5) for x in (values.mean(), *np.percentile(means, [2.5, 97.5]))]


def main() -> None:
    """Run every arm."""
    parser = argparse.ArgumentParser()
    for name in ("data", "config", "json"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    settings = read_toml(asked.config)
    source = load_dataset(asked.data)
    data, k = thinned(source, settings["world"]), int(settings["k"])
    parts = split(data)
    lengths = parts.test.histories.lengths
    groups = {"all": np.ones(len(lengths), dtype=bool)}
    groups |= {f"{low}-{high} events": (lengths >= low) & (lengths <= high) for low, high in settings["cold"]}
    bench = Bench(
        registry=RECOMMENDERS,
        settings=settings["models"],
        items=data.items,
        encoder=None,
        ks=(k,),
        exclude=(True,),
        progress=Progress(),
    )
    found = {(arm, model): [] for arm in ARMS for model in settings["models"]}
    generations: dict[str, list[Any]] = {arm: [] for arm in ARMS[1:]}
    begun = time.process_time()
    for seed in SEEDS:
        for arm in ARMS:
            train = parts.train
            if arm != "none":
                config = {
                    **settings["augment"],
                    "method": arm,
                    "share": settings["share"],
                    "sparse": settings["sparse"],
                }
                before = time.process_time()
                made = augment(train, AugmentConfig.of(config), seed=seed, progress=Lines())
                generations[arm].append({**made.facts(), "cpu_seconds": round(time.process_time() - before, 1)})
                train = made.dataset
            for model in settings["models"]:
                ranks = bench.run(model, replace(parts, train=train), seed=seed).answers[True].ranks
                found[arm, model].append(ndcg_at(ranks, parts.test.target_indptr, k))
                print(f"seed {seed}, {arm}, {model}: {found[arm, model][-1].mean():.4f}", flush=True)
    rows = []
    for (arm, model), values in found.items():
        each = np.array(values)  # (seeds, users)
        for group, mask in groups.items():
            row: dict[str, Any] = {
                "model": model,
                "rows": arm,
                "group": group,
                "users": int(mask.sum()),
                f"ndcg@{k}": round(float(each[:, mask].mean()), 5),
                "seeds": [round(float(x), 5) for x in each[:, mask].mean(axis=1)],
            }
            for name, other in (("gain", "none"), ("over_resample", "resample")):
                if arm not in (other, "none"):
                    row[name] = interval((each.mean(axis=0) - np.mean(found[other, model], axis=0))[mask])
            rows.append(row)
    result = {
        "data": {
            "name": source.name,
            "fingerprint": source.fingerprint,
            "thinned": data.fingerprint,
            "split": parts.hash,
        },
        "counts": {"users": data.n_users, "items": data.n_items, "events": len(data.events), **parts.facts},
        "settings": settings,
        "seeds": list(SEEDS),
        "rows": rows,
        "generations": generations,
        "cpu_seconds": round(time.process_time() - begun, 1),
        "environment": environment(),
    }
    asked.json.write_text(json.dumps(result, indent=1, default=str) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
