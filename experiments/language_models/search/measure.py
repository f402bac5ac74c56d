"""How soon a search that learns finds what random search finds.

    python measure.py DIR --space FILE.toml [--users 150] [--seeds 0] [--methods tpe] [--random 120] [--learned 40]
        --out FILE

The task is made cheap by a seeded sample of the users. Every trial fits `item_knn` on the training part of
leave-one-out and measures NDCG@10 on the validation events; the test events are asked once for each search, of the
settings that it chose. No trial is the model's own defaults: the searches start from nothing. Trials of equal settings
are measured once.
"""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.partition import Split
from penchant.data.polarity import consumption
from penchant.data.splitting import split
from penchant.evaluation.measuring import environment
from penchant.evaluation.trial_fitting import ValidationValue
from penchant.hyperparameter_search import Attempt, Measured, search, space_of
from penchant.models.catalogue import RECOMMENDERS
from penchant.seeding import numpy_rng

MODEL = "item_knn"


class Remembered:
    """Measures settings on a split, equal ones once."""

    def __init__(self, dataset: Dataset, part: Split) -> None:
        self.found: dict[str, float] = {}
        self._measure = ValidationValue(
            registry=RECOMMENDERS,
            model=MODEL,
            asked=[part],
            items=dataset.items,
            encoder=None,
            metric="ndcg@10",
            k=10,
            exclude_history=True,
            seed=0,
        )

    def __call__(self, attempt: Attempt) -> Measured:
        """The value of a trial's settings."""
        key = json.dumps(attempt.settings, sort_keys=True)
        if key not in self.found:
            self.found[key] = self._measure(attempt).folds[0]
        return Measured(folds=(self.found[key],), seconds=0.0)

    def of(self, settings: Mapping[str, Any]) -> float:
        """The value of settings."""
        return self(Attempt(number=0, settings=settings)).folds[0]


def main() -> None:
    """Search, and write what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--space", type=Path, required=True)
    parser.add_argument("--users", type=int, default=150)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--methods", default="tpe")
    parser.add_argument("--random", type=int, default=120)
    parser.add_argument("--learned", type=int, default=40)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    began = time.perf_counter()
    whole = Dataset.load(given.data)
    chosen = np.sort(numpy_rng(0, "search experiment").choice(whole.n_users, given.users, replace=False))
    dataset = whole.select(np.isin(whole.events.users, chosen))
    space, fixed = space_of(read_toml(given.space), where=str(given.space))
    made = split(consumption(dataset), "leave-one-out")
    validation = Remembered(dataset, replace(made, test=made.validation))
    test = Remembered(dataset, made)
    rows = []
    for seed in (int(one) for one in given.seeds.split(",")):
        for method in ("random", *given.methods.split(",")):
            trials = given.random if method == "random" else given.learned
            start = time.perf_counter()
            found = search(validation, space, sampler=method, trials=trials, seed=seed, fixed=fixed)
            values = [trial.value or 0.0 for trial in found.trials]
            row = {
                "method": method,
                "seed": seed,
                "trials": len(values),
                "best": found.best.value,
                "best_of_40": max(values[: given.learned]),
                "best_at_trial": found.best.number + 1,
                "settings": dict(found.best.settings),
                "test": test.of(found.best.settings),
                "seconds": round(time.perf_counter() - start, 1),
                "values": [round(value, 5) for value in values],
            }
            rows.append(row)
            print({key: value for key, value in row.items() if key not in {"values", "settings"}}, flush=True)
    defaults = {"validation": validation.of({}), "test": test.of({})}
    result = {
        "dataset": {
            "name": dataset.name,
            "of": whole.fingerprint,
            "fingerprint": dataset.fingerprint,
            "users": given.users,
            "events": len(dataset.events),
        },
        "protocol": {"name": "leave-one-out", "split": made.hash, "metric": "ndcg@10", "exclude_history": True},
        "model": MODEL,
        "space": {key: str(part) for key, part in space.items()},
        "defaults": defaults,
        "summary": summary(rows, given.methods.split(",")),
        "rows": rows,
        "fits": len(validation.found) + len(test.found),
        "seconds": round(time.perf_counter() - began, 1),
        "environment": environment(),
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n")


def summary(rows: list[dict[str, Any]], methods: list[str]) -> dict[str, Any]:
    """Each method's mean, and on how many seeds its best is at least random search's on the same seed."""
    random = {row["seed"]: row for row in rows if row["method"] == "random"}
    told: dict[str, Any] = {}
    for method in ("random", *methods):
        mine = [row for row in rows if row["method"] == method]
        told[method] = {
            "trials": mine[0]["trials"],
            "validation": sum(row["best"] for row in mine) / len(mine),
            "test": sum(row["test"] for row in mine) / len(mine),
            "at_40": sum(row["best_of_40"] for row in mine) / len(mine),
            "seeds_at_least_random": sum(row["best"] >= random[row["seed"]]["best"] for row in mine),
            "seeds": len(mine),
        }
    return told


if __name__ == "__main__":
    main()
