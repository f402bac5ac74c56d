"""Makes result.json: what an encoder's size buys and costs. Seconds are the processor's own, on one thread.

python measure.py BOOKS.dataset
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.polarity import consumption
from penchant.data.splitting import split
from penchant.encoders import load_encoder
from penchant.encoders.item_text import render_items
from penchant.encoders.light import fit_light
from penchant.evaluation.measuring import environment
from penchant.interfaces import Encoder, FitOptions
from penchant.models.content_based import ContentBased
from penchant.models.holdout import catalogue_ties, validation_ndcg
from penchant.pipeline.pretraining import PretrainingConfig, pretrain_encoder

HERE = Path(__file__).parent
LIGHT = ("tfidf", "nmf", "hashed")


def size_of(folder: Path) -> int:
    """Bytes of an encoder's folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    """Every encoder, the smallest first."""
    settings = read_toml(HERE / "config.toml")
    seed, data = settings["seed"], consumption(Dataset.load(Path(sys.argv[1])))
    parts, texts = split(data, "leave-one-out"), render_items(data.items)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in (*LIGHT, "tiny", "minilm"):
            place, busy, weights = Path(folder) / name, time.process_time(), None
            encoder: Encoder
            if name in LIGHT:
                light = fit_light(name, texts)
                place.mkdir()
                light.save(place)
                encoder = light
            elif name == "tiny":
                config = PretrainingConfig.of(settings["tiny"], where="tiny")
                weights = pretrain_encoder(data, place, config, options=FitOptions(seed=seed)).training["total"]
                encoder = load_encoder(place, settings={"max_length": settings["tokens"], "precision": "float32"})
            else:
                encoder = load_encoder(settings={"max_length": settings["tokens"], "precision": "float32"})
            made, busy = time.process_time() - busy, time.process_time()
            vectors = encoder.encode(texts)
            all_seconds = time.process_time() - busy
            each = []
            for text in texts[: settings["timed"]]:
                busy = time.process_time()
                encoder.encode([text])
                each.append(1000 * (time.process_time() - busy))
            model = ContentBased().fit(parts.train, options=FitOptions(item_vectors=vectors))
            p50, p95, p99 = np.quantile(each, (0.5, 0.95, 0.99)).tolist()
            rows.append(
                {
                    "encoder": name,
                    "weights": weights,
                    "bytes": size_of(place) if place.is_dir() else None,
                    "dim": encoder.dim,
                    "made_in_seconds": round(made, 1),
                    "ndcg@10": validation_ndcg(model.score, parts.test, ties=catalogue_ties(data, 0)),
                    "texts_a_second": round(len(texts) / all_seconds),
                    "one_text_ms": {"p50": round(p50, 2), "p95": round(p95, 2), "p99": round(p99, 2)},
                }
            )
            print(rows[-1], flush=True)
    result = {"settings": settings, "texts": len(texts), "environment": environment(), "results": rows}
    (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
