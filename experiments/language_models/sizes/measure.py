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
from safetensors.torch import load_file

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.polarity import consumption
from penchant.data.splitting import split
from penchant.encoders import load_encoder
from penchant.encoders.architecture import TOKENIZERS, save_fresh
from penchant.encoders.checkpoint import locate
from penchant.encoders.item_text import render_items
from penchant.encoders.light import fit_light
from penchant.encoders.tokenizer_training import train_tokenizer
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


def weights_of(folder: Path | None) -> int | None:
    """Numbers in a language model's file; None for a light encoder, which has none."""
    file = (folder or locate(None)) / "model.safetensors"
    return sum(tensor.numel() for tensor in load_file(file).values()) if file.is_file() else None


def made(name: str, place: Path, settings: dict[str, Any], data: Dataset, texts: list[str]) -> Encoder:
    """The encoder, learned from the books where it is not the embedded one."""
    read = {"max_length": settings["tokens"], "precision": "float32"}
    if name in LIGHT:
        light = fit_light(name, texts)
        place.mkdir()
        light.save(place)
        return light
    if name == "minilm":
        return load_encoder(settings=read)
    config = PretrainingConfig.of(
        {**settings["pretrained"], "architecture": settings["architectures"][name]}, where=name
    )
    if name in settings["untrained"]:
        tokenizer = train_tokenizer(texts, TOKENIZERS[config.architecture.kind], config.tokenizer)
        place.mkdir()
        save_fresh(config.architecture, tokenizer, place, seed=settings["seed"])
    else:
        pretrain_encoder(data, place, config, options=FitOptions(seed=settings["seed"]))
    return load_encoder(place, settings=read)


def main() -> None:
    """Every encoder; the file is written after each."""
    settings = read_toml(HERE / "config.toml")
    data = consumption(Dataset.load(Path(sys.argv[1])))
    parts, texts = split(data, "leave-one-out"), render_items(data.items)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in (*LIGHT, "minilm", *settings["architectures"]):
            place, busy = Path(folder) / name, time.process_time()
            encoder = made(name, place, settings, data, texts)
            seconds, busy, ndcg = time.process_time() - busy, time.process_time(), None
            some = texts[: settings["timed"]] if name in settings["untrained"] else texts
            vectors = encoder.encode(some)
            all_seconds = time.process_time() - busy
            each = []
            for text in texts[: settings["timed"]]:
                busy = time.process_time()
                encoder.encode([text])
                each.append(1000 * (time.process_time() - busy))
            if name not in settings["untrained"]:
                model = ContentBased().fit(parts.train, options=FitOptions(item_vectors=vectors))
                ndcg = validation_ndcg(model.score, parts.test, ties=catalogue_ties(data, 0))
            p50, p95, p99 = np.quantile(each, (0.5, 0.95, 0.99)).tolist()
            own = place if place.is_dir() else None
            rows.append(
                {
                    "encoder": name,
                    "weights": weights_of(own),
                    "bytes": size_of(own or locate(None)),
                    "dim": encoder.dim,
                    "made_in_seconds": None if name == "minilm" or ndcg is None else round(seconds, 1),
                    "ndcg@10": ndcg,
                    "texts_a_second": round(len(some) / all_seconds),
                    "one_text_ms": {"p50": round(p50, 2), "p95": round(p95, 2), "p99": round(p99, 2)},
                }
            )
            print(rows[-1], flush=True)
            told = {"name": data.name, "fingerprint": data.fingerprint, "split": parts.hash}
            result = {"settings": settings, "data": told, "texts": len(texts), "environment": environment()}
            (HERE / "result.json").write_text(json.dumps({**result, "results": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
