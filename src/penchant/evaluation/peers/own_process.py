"""One of our own models in a process of its own: ``python -m penchant.evaluation.peers.own_process REQUEST.json``.

The same request and the same answer as a peer's, so that time and memory are measured alike. It reads the dataset
folder instead of the plain files, since our models may use texts, event types and attributes; that it split the data as
the others were given it is checked by the split's hash.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from penchant import __version__
from penchant.artifacts import read_arrays, write_json
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.data.partition import Split
from penchant.data.polarity import consumption
from penchant.data.splitting import SplitConfig, splits
from penchant.errors import DataError, PenchantError
from penchant.evaluation.measuring import Stopwatch
from penchant.evaluation.peers.exchange import PARTS
from penchant.interfaces import FitOptions, Recommender, top_k
from penchant.metrics.lists import write_lists
from penchant.models.catalogue import RECOMMENDERS
from penchant.models.holdout import rows_at_once
from penchant.seeding import tie_breaks
from penchant.training.loop import TrainingRecord
from penchant.types import FloatArray

LARGEST_BATCH = 1024


def main() -> None:
    """Read the request, fit, rank, write; a fault of the caller's is one line and exit status 2."""
    try:
        answer(orjson.loads(Path(sys.argv[1]).read_bytes()))
    except PenchantError as error:
        sys.stderr.write(f"{error.type}: {error.message} {error.hint}\n")
        sys.exit(2)


def answer(request: Mapping[str, Any]) -> None:
    """Fit the model that was asked for, write its lists and what it cost."""
    fitting, ranking = Stopwatch(), Stopwatch()
    dataset = consumption(Dataset.load(request["dataset"]))
    split = next(splits(dataset, request["protocol"], config=SplitConfig.of(request["split_config"])))
    if split.hash != request["split_hash"]:
        raise DataError("The dataset has changed since the split was made.", hint="Start the comparison again.")
    vectors = read_arrays(Path(request["vectors"])) if request["vectors"] else {}
    model = RECOMMENDERS.build(request["algorithm"], request["settings"])
    options = FitOptions(
        validation=split.validation if len(split.validation) else None,
        item_vectors=vectors.get("items"),
        user_vectors=vectors.get("users"),
        seed=request["seed"],
    )
    used = [time.process_time()]
    with fitting.running():
        model.fit(split.train, options=options)
    used.append(time.process_time())
    answers = Path(request["answers"])
    for part, cases in zip(PARTS, (split.validation, split.test), strict=True):
        if part in request["ask"]:
            with ranking.running():
                lines = _lines(model, cases, split, k=request["k"], seed=request["seed"])
                write_lists(answers / f"{part}.jsonl", lines)
    record = getattr(model, "record", None)
    write_json(
        answers / "outcome.json",
        {
            "version": __version__,
            "fit_seconds": fitting.seconds,
            "score_seconds": ranking.seconds,
            "peak_rss_mb": _peak(),
            "facts": {
                "reads_history": True,
                "fit_cpu_seconds": used[1] - used[0],
                "score_cpu_seconds": time.process_time() - used[1],
                **(_training(record) if isinstance(record, TrainingRecord) else {}),
            },
        },
    )


def _lines(
    model: Recommender, cases: Cases, split: Split, *, k: int, seed: int
) -> Iterator[tuple[str, Sequence[str], Sequence[float]]]:
    """For each case its best K and as many more as its history has distinct items, nothing masked."""
    users, items = split.train.users.ids, split.train.items.ids
    ties = tie_breaks(items, seed=seed)
    histories = cases.histories
    owners = np.repeat(np.arange(len(cases)), histories.lengths)
    pairs = np.unique(owners * np.int64(len(items)) + histories.items)
    wanted = k + np.bincount(pairs // max(1, len(items)), minlength=len(cases))
    order = np.argsort(wanted, kind="stable")  # like lengths together
    size = min(LARGEST_BATCH, rows_at_once(len(items)))
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        asked = histories.take(rows)
        scores: FloatArray = model.score(asked)
        best = top_k(scores, int(wanted[rows].max()), ties=ties)
        for b, row in enumerate(rows.tolist()):
            n = int(wanted[row])
            kept = best.items[b, :n].tolist()
            yield users[asked.users[b]], [items[i] for i in kept], best.scores[b, :n].tolist()


def _training(record: TrainingRecord) -> dict[str, Any]:
    return {
        "epochs": len(record.epochs),
        "best_epoch": record.best_epoch,
        "epoch_seconds": [epoch.seconds for epoch in record.epochs],
        "cut_short": record.stopped == "minutes",
    }


def _peak() -> float | None:
    """The process's high-water mark, from its beginning."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:")), None)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
