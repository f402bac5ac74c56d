"""Milliseconds of one text's vector on one thread: the embedded model as it came, and in 8-bit integers.

    python benchmarks/encode_latency.py --data BOOKS.dataset [--texts 200] [--rounds 5] [--out FILE.json]

Texts are books' titles, authors and genres, and three of them joined, as a short description is long. Each format has
its turn in each round, one text a call, the first tenth a warm-up. Told are processor milliseconds of the thread, which
depend little on how busy the machine is, and wall milliseconds: percentiles over the calls of a round, and of those the
median over rounds. What rounding costs stands beside it: the cosine with float32's vectors, and NDCG@10 of the next
book told by its text alone (leave-one-out, the whole catalogue ranked).
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

import penchant
from penchant.data.dataset import Dataset
from penchant.data.polarity import consumption
from penchant.data.splitting import split
from penchant.encoders import load_encoder, render_items
from penchant.interfaces import FitOptions
from penchant.models.content_based import ContentBased
from penchant.models.holdout import catalogue_ties, validation_ndcg

OUT = Path(__file__).parent / "results" / "encode_latency.json"
FORMATS = ("float32", "int8")


def timed(call: Callable[[str], object], texts: Sequence[str]) -> dict[str, float]:
    """Percentiles, in milliseconds; the first tenth is a warm-up."""
    thread, wall = [], []
    for text in [*texts[: len(texts) // 10], *texts]:
        begun = time.thread_time(), time.perf_counter()
        call(text)
        thread.append(time.thread_time() - begun[0])
        wall.append(time.perf_counter() - begun[1])
    found = {}
    for name, values in (("processor", thread), ("wall", wall)):
        for q in (50, 95, 99):
            found[f"{name}_p{q}"] = 1000 * float(np.percentile(values[-len(texts) :], q))
    return found


def median(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Of each figure over the rounds."""
    return {name: round(float(np.median([one[name] for one in rounds])), 2) for name in rounds[0]}


def main() -> None:
    """Both formats, both lengths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = consumption(Dataset.load(asked.data))
    parts, texts = split(data, "leave-one-out"), render_items(data.items)
    some = [texts[n] for n in np.random.default_rng(0).permutation(len(texts))[: 3 * asked.texts]]
    workloads = {
        "an item's text": some[: asked.texts],
        "three items' texts": ["; ".join(some[n : n + 3]) for n in range(0, len(some), 3)],
    }
    encoders = {name: load_encoder(settings={"precision": name, "threads": 1}) for name in FORMATS}
    rounds: dict[tuple[str, str], list[dict[str, float]]] = {}
    load = os.getloadavg()[0]
    for _ in range(asked.rounds):
        for workload, each in workloads.items():
            for name, encoder in encoders.items():
                found = timed(lambda text, encoder=encoder: encoder.encode([text]), each)  # type: ignore[misc]
                rounds.setdefault((workload, name), []).append(found)
    exact = encoders["float32"].encode(texts)
    rows: list[dict[str, Any]] = []
    for name, encoder in encoders.items():
        vectors = encoder.encode(texts)
        cosines = (vectors * exact).sum(axis=1)
        model = ContentBased().fit(parts.train, options=FitOptions(item_vectors=vectors))
        rows.append(
            {
                "format": name,
                "milliseconds": {workload: median(rounds[workload, name]) for workload in workloads},
                "mean_cosine": round(float(cosines.mean()), 6),
                "least_cosine": round(float(cosines.min()), 6),
                "ndcg@10": validation_ndcg(model.score, parts.test, ties=catalogue_ties(data, 0)),
            }
        )
        print(rows[-1], flush=True)
    words = {name: float(np.mean([len(text.split()) for text in each])) for name, each in workloads.items()}
    result = {
        "workload": "all-MiniLM-L6-v2, one text a call, one thread",
        "data": {"name": data.name, "fingerprint": data.fingerprint, "split": parts.hash},
        "texts": asked.texts,
        "mean_words": {name: round(count, 1) for name, count in words.items()},
        "rounds": asked.rounds,
        "load_average_before": round(load, 1),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "versions": {
            "penchant": penchant.__version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
        },
        "results": rows,
    }
    asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
