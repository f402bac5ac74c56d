"""Makes further.json: MiniLM pre-trained further on the books' own texts, and genres told with and without it.

python further.py BOOKS.dataset
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from genre_task import Genres, auc, books, regressed

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.encoders import load_encoder
from penchant.evaluation.measuring import environment
from penchant.interfaces import FitOptions
from penchant.pipeline.pretraining import PretrainingConfig, pretrain_encoder
from penchant.seeding import numpy_rng
from penchant.types import FloatArray

HERE = Path(__file__).parent


def few_labels(
    task: Genres, vectors: FloatArray, own: dict[str, Any], strengths: list[float]
) -> dict[int, list[float]]:
    """AUC of a logistic regression on k labelled books, of every draw; validation chooses its strength."""
    found: dict[int, list[float]] = {}
    for k in [*own["labels"], len(task.training)]:
        for draw in range(own["draws"] if k < len(task.training) else 1):
            some = numpy_rng(draw, "labelled", str(k)).permutation(task.training)[:k]
            heads = [regressed(vectors[some], task.labels[some], strength) for strength in strengths]
            held, asked = (
                [auc(task.labels[rows], vectors[rows] @ head[0].T + head[1]) for head in heads]
                for rows in (task.validation, task.test)
            )
            found.setdefault(k, []).append(asked[int(np.argmax(held))])
    return found


def main() -> None:
    """Every way to go on, then labels."""
    settings = read_toml(HERE / "config.toml")
    own, seed = settings["further"], settings["seed"]
    strengths = own["strengths"]
    task, data = books(Path(sys.argv[1]), count=own["genres"]), Dataset.load(Path(sys.argv[1]))
    asked = np.zeros(data.n_items, dtype=bool)
    asked[task.test] = True
    learned = data.select(~asked[data.events.items])  # nothing is known of who read the books that are asked for
    read = {"precision": "float32", "max_length": settings["max_length"]}
    aucs = {"as it came": few_labels(task, load_encoder(settings=read).encode(task.texts), own, strengths)}
    told: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, step in own["steps"].items():
            before, place = time.process_time(), Path(folder) / name
            wanted = {"max_length": settings["max_length"], "template": {"fields": {"title": "{}", "authors": "{}"}}}
            begun = {} if "from" not in step else {"start": str(Path(folder) / step["from"])}
            config = PretrainingConfig.of({**wanted, **begun, **{k: v for k, v in step.items() if k != "from"}})
            report = pretrain_encoder(learned, place, config, options=FitOptions(seed=seed))
            (one,) = report.objectives
            vectors = load_encoder(place, settings=read).encode(task.texts)
            aucs[name] = few_labels(task, vectors, own, strengths)
            told.append({"step": name, **one, "processor_seconds": round(time.process_time() - before, 1)})
            print(told[-1], {k: float(np.mean(v)) for k, v in aucs[name].items()}, flush=True)
    rows: list[dict[str, Any]] = []
    for name, found in aucs.items():
        for k, values in found.items():
            row: dict[str, Any] = {"encoder": name, "labels": k, "auc": float(np.mean(values))}
            if name != "as it came":
                gain = np.array(values) - np.array(aucs["as it came"][k])
                row["gain"] = float(gain.mean())
                if len(gain) > 1:
                    row["half_width"] = float(1.96 * gain.std(ddof=1) / np.sqrt(len(gain)))
            rows.append(row)
            print(row, flush=True)
    result = {
        "settings": settings,
        "data": {"name": task.name, "fingerprint": task.fingerprint, "test": len(task.test)},
        "pretraining": told,
        "results": rows,
        "environment": environment(),
    }
    (HERE / "further.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
