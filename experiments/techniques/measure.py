"""Adds rows to result.json: the interest tracker alone, by NDCG@10 on validation, in the tree as it is.

    python experiments/techniques/measure.py ROWS.json --data DIR [--seeds 0] [--epochs 8] [--out FILE] [--against NAME]

ROWS.json maps a row's name to settings of the tracker beside its defaults. Each training keeps its best epoch by a
sample of the validation cases, as the tracker always does; the row is the mean over all of them. With `--against`, rows
tell the mean difference to that row of the same data and seed, with its 95 % bootstrap interval over users. Test cases
are not asked.
"""

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.data.polarity import consumption
from penchant.data.splitting import splits
from penchant.evaluation.measuring import environment
from penchant.interfaces import FitOptions
from penchant.metrics.ranking import ndcg_at, target_ranks
from penchant.models.holdout import catalogue_ties
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.pipeline.encoding import cached_encoder, item_vectors, user_vectors
from penchant.progress import Progress
from penchant.types import FloatArray, RowArray


class EpochClock(Progress):
    """Notes the processor time whenever an epoch is reported, and says it."""

    def __init__(self) -> None:
        self.marks = [time.process_time()]

    def note(self, text: str) -> None:
        """A line; those of epochs are timed."""
        if ": epoch " in text:
            self.marks.append(time.process_time())
            print(time.strftime("%H:%M:%S"), text, flush=True)


def values_of(tracker: InterestTracker, cases: Cases, ties: RowArray) -> FloatArray:
    """NDCG@10 of each case, the history excluded."""
    found = []
    for start in range(0, len(cases), 1000):
        some = cases.take(slice(start, start + 1000))
        ranks = target_ranks(tracker.score(some.histories), some, ties=ties, exclude_history=True)
        found.append(ndcg_at(ranks, some.target_indptr, 10))
    return np.concatenate(found)


def gain_over(values: FloatArray, others: FloatArray, name: str) -> dict[str, Any]:
    """Mean difference, its interval, and the share of the other's mean that it is."""
    gains, rng = values - others, np.random.default_rng(0)
    means = [gains[rng.integers(0, len(gains), len(gains))].mean() for _ in range(2000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return {
        "against": name,
        "mean": round(float(gains.mean()), 5),
        "interval": [round(float(low), 5), round(float(high), 5)],
        "relative": round(float(gains.mean() / others.mean()), 4),
    }


def write(row: dict[str, Any], out: Path) -> None:
    """Put a row beside those that are there, in the place of one of the same name, data and seed."""
    kept = json.loads(out.read_text())["rows"] if out.exists() else []
    kept = [one for one in kept if not all(one[k] == row[k] for k in ("name", "dataset", "seed"))]
    result = {"measure": "NDCG@10 on validation", "rows": [*kept, row], "environment": environment()}
    out.write_text(json.dumps(result, indent=1) + "\n")


def main() -> None:
    """Train row after row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="a folder made by `penchant import`")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--against", default="")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "result.json")
    options = parser.parse_args()
    dataset = consumption(Dataset.load(options.data))
    split, encoder = next(iter(splits(dataset, "leave-one-out"))), cached_encoder(None)
    vectors, told = item_vectors(dataset.items, encoder), user_vectors(split.train, encoder)
    values: dict[tuple[str, int], FloatArray] = {}
    for name, extra in json.loads(options.rows.read_text()).items():
        for seed in map(int, options.seeds.split(",")):
            settings = {**extra, "training": {"max_epochs": options.epochs, **extra.get("training", {})}}
            clock, tracker = EpochClock(), InterestTracker(InterestTrackerConfig.of(settings))
            tracker.fit(
                split.train,
                options=FitOptions(
                    validation=split.validation, item_vectors=vectors, user_vectors=told, seed=seed, progress=clock
                ),
            )
            record = tracker.record
            if record is None:
                raise SystemExit(f"{name}: no record of the training")
            values[name, seed] = values_of(tracker, split.validation, catalogue_ties(dataset, seed))
            row = {
                "name": name,
                "dataset": dataset.name,
                "fingerprint": dataset.fingerprint,
                "seed": seed,
                "settings": settings,
                "cases": len(values[name, seed]),
                "validation_ndcg@10": round(float(values[name, seed].mean()), 5),
                "best_epoch": record.best_epoch,
                "sample_by_epoch": {one.epoch: round(one.validation, 5) for one in record.epochs if one.validation},
                "epoch_cpu_seconds": round(float(np.median([b - a for a, b in pairwise(clock.marks)])), 2),
            }
            if (options.against, seed) in values and name != options.against:
                row["gain"] = gain_over(values[name, seed], values[options.against, seed], options.against)
            print(json.dumps(row), flush=True)
            write(row, options.out)


if __name__ == "__main__":
    main()
