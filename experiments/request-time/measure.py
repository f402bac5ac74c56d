"""Adds a dataset to result.json: what the moment of the request changes, and whether it ranks better.

    python measure.py DATA.dataset [SEED]

Leave-one-out, all items ranked, the history excluded. Each row is the tracker with other signals; it is told the time
of the event that it shall foresee where it reads the time of requests. Then the same histories are asked a minute, an
hour, a day and a month after their last event: how many of the first ten stay those of a minute after.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.data.polarity import consumption
from penchant.data.splitting import splits
from penchant.evaluation.measuring import environment
from penchant.interfaces import FitOptions, top_k
from penchant.metrics.ranking import mask_history, ndcg_at, ranks_among
from penchant.metrics.significance import bootstrap_intervals, by_user
from penchant.models.holdout import catalogue_ties, sampled
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.types import DoubleArray, RowArray

HERE = Path(__file__).parent
MINUTE = 60_000_000
MOMENTS = {"a minute": MINUTE, "an hour": 60 * MINUTE, "a day": 1440 * MINUTE, "a month": 30 * 1440 * MINUTE}
BATCH = 1000


def ranked(model: InterestTracker, cases: Cases, ties: RowArray) -> tuple[DoubleArray, RowArray]:
    """NDCG@10 of each case, and its first ten items, (B, 10)."""
    values, lists = [], []
    for start in range(0, len(cases), BATCH):
        part = cases.take(slice(start, start + BATCH))
        scores = mask_history(model.score(part.histories), part)
        values.append(ndcg_at(ranks_among(scores, part, ties=ties), part.target_indptr, 10))
        lists.append(top_k(scores, 10, ties=ties).items)
    return np.concatenate(values), np.concatenate(lists)


def stays(lists: RowArray, others: RowArray) -> float:
    """The mean share of a list's items that are in the other too."""
    return float(np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(lists, others, strict=True)]))


def told(values: DoubleArray, owners: Any) -> dict[str, Any]:
    """A mean with its interval over users."""
    low, high = bootstrap_intervals(by_user(values[:, None], owners))
    return {"mean": float(values.mean()), "interval": [float(low[0]), float(high[0])]}


def main() -> None:
    """Fit each row, ask at each moment, write."""
    settings, data = read_toml(HERE / "config.toml"), consumption(Dataset.load(Path(sys.argv[1])))
    split, seed = next(iter(splits(data, "leave-one-out"))), int((sys.argv[2:] or [settings["seed"]])[0])
    ties, cases = catalogue_ties(data, seed), sampled(split.test, settings["sample_users"], settings["seed"])
    histories = cases.histories
    last = histories.timestamps[histories.indptr[1:] - 1]
    values: dict[str, DoubleArray] = {}
    rows: dict[str, Any] = {}
    for name, signals in settings["rows"].items():
        config = {"training": {"max_epochs": settings["epochs"]}, "signals": signals}
        model = InterestTracker(InterestTrackerConfig.of(config))
        model.fit(split.train, options=FitOptions(validation=split.validation, seed=seed))
        values[name], _ = ranked(model, cases, ties)
        asked = {
            word: ranked(model, replace(cases, histories=replace(histories, asked_at=last + gap)), ties)[1]
            for word, gap in MOMENTS.items()
        }
        rows[name] = {
            "ndcg@10": told(values[name], histories.users),
            "of_the_first_ten_stay": {word: stays(asked["a minute"], found) for word, found in asked.items()},
        }
        print(name, json.dumps(rows[name]), flush=True)
    gaps = (histories.asked_at - last) / MINUTE if histories.asked_at is not None else np.zeros(0)
    found = {
        "fingerprint": data.fingerprint,
        "split_hash": split.hash,
        "cases": len(cases),
        "asked_in_the_moment_of_the_last_event": float(np.mean(gaps == 0)),
        "median_gap_minutes": float(np.median(gaps)),
        "rows": rows,
        "differences": {
            f"{a} minus {b}": told(values[a] - values[b], histories.users)
            for a, b in (("event_times", "without_times"), ("request_time", "event_times"))
        },
    }
    out = HERE / "result.json"
    kept = json.loads(out.read_text())["datasets"] if out.exists() else {}
    name = data.name if seed == settings["seed"] else f"{data.name}, seed {seed}"
    result = {"settings": settings, "datasets": {**kept, name: found}, "environment": environment()}
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
