"""Makes result-changed.json: what histories cut, thinned, reordered or with items replaced are worth to a recommender.

The data, the division, the cases and the intervals are those of measure.py. Each user with two events or more gets one
twin with his history changed; `again` is the same with nothing changed, so that what is told apart from it is the
change's. Items that are alike are each other's nearest neighbours by `item_knn`, learned from the training part.

    python changed.py --data DATASET --config config.toml --json result-changed.json
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import interval, thinned

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.folder import load_dataset
from penchant.data.generated import Twins, with_generated
from penchant.data.splitting import split
from penchant.evaluation.bench import Bench
from penchant.evaluation.measuring import environment
from penchant.metrics.ranking import ndcg_at
from penchant.models.catalogue import RECOMMENDERS
from penchant.progress import Progress
from penchant.training.augmentation.sequences import SequenceAugmentationConfig
from penchant.training.augmentation.twins import with_changed_histories

CHANGES = ("crop", "mask", "reorder", "substitute")
ARMS = ("none", "again", *CHANGES)


def again(data: Dataset, seed: int) -> Dataset:
    """Every user with two events or more once more."""
    histories = data.histories()
    users = np.flatnonzero(histories.lengths >= 2)
    rows = [histories.items[histories.of(int(user))] for user in users]
    twins = Twins(
        sources=users.astype(np.int32),
        given=np.zeros(len(users), dtype=np.int64),
        indptr=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        items=np.concatenate(rows).astype(np.int32),
    )
    return with_generated(data, twins, seed=seed)


def nearest(data: Dataset) -> dict[int, int]:
    """The item that each is most like, by what users had near each other; none for an item without neighbours."""
    alone = Dataset.of_rows(
        name="one item each",
        users=replace(data.users, ids=tuple(f"of {item}" for item in data.items.ids), columns={}),
        items=data.items,
        user_rows=np.arange(data.n_items),
        item_rows=np.arange(data.n_items),
    )
    scores = RECOMMENDERS.build("item_knn", {}).fit(data).score(alone.histories())
    np.fill_diagonal(scores, -np.inf)
    best = scores.argmax(axis=1)
    return {item: int(other) for item, other in enumerate(best) if scores[item, other] > 0}


def main() -> None:
    """Run every arm."""
    parser = argparse.ArgumentParser()
    for name in ("data", "config", "json"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    settings = read_toml(asked.config)
    own, k = settings["changed"], int(settings["k"])
    source = load_dataset(asked.data)
    data, begun = thinned(source, settings["world"]), time.process_time()
    parts = split(data)
    alike, lengths = nearest(parts.train), parts.test.histories.lengths
    groups = {"all": np.ones(len(lengths), dtype=bool)}
    groups |= {f"{low}-{high} events": (lengths >= low) & (lengths <= high) for low, high in settings["cold"]}
    models = {name: settings["models"].get(name, {}) for name in own["models"]} | own["settings"]
    bench = Bench(
        registry=RECOMMENDERS,
        settings=models,
        items=data.items,
        encoder=None,
        ks=(k,),
        exclude=(True,),
        progress=Progress(),
    )
    found: dict[tuple[str, str], list[Any]] = {(arm, model): [] for arm in ARMS for model in models}
    sizes: dict[str, list[int]] = {arm: [] for arm in ARMS}
    for seed in own["seeds"]:
        for arm in ARMS:
            train = parts.train
            if arm == "again":
                train = again(train, seed)
            elif arm != "none":
                config = SequenceAugmentationConfig.of({**own["sequences"], "changes": [arm]})
                train = with_changed_histories(train, config, alike=alike, seed=seed)
            sizes[arm].append(len(train.events))
            for model in models:
                ranks = bench.run(model, replace(parts, train=train), seed=seed).answers[True].ranks
                found[arm, model].append(ndcg_at(ranks, parts.test.target_indptr, k))
                print(f"seed {seed}, {arm}, {model}: {found[arm, model][-1].mean():.4f}", flush=True)
    rows = []
    for (arm, model), values in found.items():
        each = np.array(values)  # (seeds, users)
        for group, mask in groups.items():
            row: dict[str, Any] = {
                "model": model,
                "change": arm,
                "group": group,
                "users": int(mask.sum()),
                f"ndcg@{k}": round(float(each[:, mask].mean()), 5),
                "seeds": [round(float(x), 5) for x in each[:, mask].mean(axis=1)],
            }
            for name, other in (("gain", "none"), ("over_again", "again")):
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
        "settings": {**own, "world": settings["world"]},
        "events_learned_from": {arm: float(np.mean(of)) for arm, of in sizes.items()},
        "rows": rows,
        "cpu_seconds": round(time.process_time() - begun, 1),
        "environment": environment(),
    }
    asked.json.write_text(json.dumps(result, indent=1, default=str) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
