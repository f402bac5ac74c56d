"""Fine-tuning beside Sentence Transformers' trainer: same model, pairs, batches, loss and optimiser.

    pip install datasets    # which their trainer needs
    .venv/bin/python benchmarks/fine_tune.py --data ../shared/data/amazon-beauty-2014

A pair is two items that a user took one after the other. The loss is that of `MultipleNegativesRankingLoss`: the other
items of the batch are the wrong answers, cosines by 20. AdamW with the same rate and decay, a linear fall without
warm-up, gradients clipped to 1, no dropout, every weight trained, float32; pairs in the same order. Ours runs the texts
of a batch beside others of nearly their length. Told are processor seconds of the training alone, which other
programs on the machine disturb little, and how either trained model places pairs that it was not trained on.
"""

import argparse
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import orjson
import torch
from torch import nn
from torch.nn import functional

from penchant.data.dataset import Table
from penchant.encoders import render_items
from penchant.encoders.checkpoint import locate
from penchant.encoders.fine_tuning.encoder import FineTunedEncoder, FineTunedEncoderConfig
from penchant.training.loop import TrainingConfig, train
from penchant.types import FloatArray

RESULT = Path(__file__).parent / "results" / "fine_tune.json"
RATE, DECAY, SCALE = 2e-5, 0.01, 20.0

Pairs = list[tuple[str, str]]


def read_pairs(folder: Path, *, n: int, seed: int = 0) -> Pairs:
    """`n` pairs of texts, drawn from all users' neighbouring events."""
    items = duckdb.execute(
        "SELECT title, brand, categories FROM read_parquet($1) ORDER BY item_id", [str(folder / "items.parquet")]
    ).fetchall()
    columns = {name: np.empty(len(items), dtype=object) for name in ("title", "brand", "categories")}
    for column, values in zip(columns.values(), zip(*items, strict=True), strict=True):
        column[:] = values
    texts = render_items(Table(ids=tuple(str(n) for n in range(len(items))), columns=columns))
    rows = duckdb.execute(
        "SELECT user_id, item_id FROM read_parquet($1) ORDER BY user_id, position",
        [str(folder / "interactions.parquet")],
    ).fetchall()
    ids = sorted({item for _, item in rows})
    place = {item: n for n, item in enumerate(ids)}
    pairs = [(a, b) for (u, a), (v, b) in pairwise(rows) if u == v and a != b]
    drawn = np.random.default_rng(seed).permutation(len(pairs))[:n]
    return [(texts[place[pairs[k][0]]], texts[place[pairs[k][1]]]) for k in drawn]


def found(first: FloatArray, second: FloatArray) -> float:
    """Share of pairs whose second text is the nearest to the first of all second texts."""
    return float(np.mean((first @ second.T).argmax(axis=1) == np.arange(len(first))))


class Ours(nn.Module):
    """The pairs' loss over a fine-tuned encoder."""

    def __init__(self, max_length: int) -> None:
        super().__init__()
        self.encoder = FineTunedEncoder(FineTunedEncoderConfig.of({"method": "full", "max_length": max_length}), seed=0)

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors, (N, D)."""
        return functional.normalize(self.encoder([(text, None) for text in texts]), dim=1)

    def loss(self, pairs: Pairs) -> torch.Tensor:
        """Mean cross-entropy of each pair's second text among those of the batch."""
        vectors = self.vectors([text for pair in pairs for text in pair])
        return functional.cross_entropy(SCALE * vectors[0::2] @ vectors[1::2].T, torch.arange(len(pairs)))


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two trainers."""

    train: Callable[[Pairs], None]
    encode: Callable[[Sequence[str]], FloatArray]


def ours(batch: int, max_length: int) -> Side:
    """`penchant.training.loop.train` over `FineTunedEncoder`."""
    model = Ours(max_length)

    def run(pairs: Pairs) -> None:
        config = TrainingConfig(
            learning_rate=RATE, weight_decay=DECAY, warmup_steps=0, max_epochs=1, clip_norm=1.0, evaluate_every=1
        )
        parts = [pairs[start : start + batch] for start in range(0, len(pairs), batch)]
        train(model, batches=lambda _: parts, loss=model.loss, evaluate=None, config=config)

    def encode(texts: Sequence[str]) -> FloatArray:
        with torch.inference_mode():
            vectors: FloatArray = model.vectors(texts).numpy()
        return vectors

    return Side(train=run, encode=encode)


def theirs(batch: int, max_length: int) -> Side:
    """`SentenceTransformerTrainer` with `MultipleNegativesRankingLoss`."""
    from datasets import Dataset  # type: ignore[import-not-found]
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from torch.utils.data import SequentialSampler

    model = SentenceTransformer(str(locate(None)), device="cpu")
    model.max_seq_length = max_length
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0

    class InOrder(SentenceTransformerTrainer):  # type: ignore[misc]
        """The same batches as ours."""

        def get_batch_sampler(self, dataset: Any, *_: Any, **__: Any) -> Any:
            """Rows in their order."""
            return torch.utils.data.BatchSampler(SequentialSampler(dataset), batch, drop_last=False)

    def run(pairs: Pairs) -> None:
        rows = Dataset.from_dict({"anchor": [a for a, _ in pairs], "positive": [b for _, b in pairs]})
        with tempfile.TemporaryDirectory() as place:
            settings = SentenceTransformerTrainingArguments(
                output_dir=place,
                per_device_train_batch_size=batch,
                num_train_epochs=1,
                learning_rate=RATE,
                weight_decay=DECAY,
                max_grad_norm=1.0,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                use_cpu=True,
            )
            InOrder(model=model, args=settings, train_dataset=rows, loss=MultipleNegativesRankingLoss(model)).train()

    def encode(texts: Sequence[str]) -> FloatArray:
        return np.asarray(model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False))

    return Side(train=run, encode=encode)


def main() -> None:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with items.parquet and interactions.parquet")
    parser.add_argument("--pairs", type=int, default=512)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--to", type=Path, default=RESULT)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    pairs = read_pairs(asked.data, n=asked.pairs + 500)
    learned, kept = pairs[: asked.pairs], pairs[asked.pairs :]
    seconds: dict[str, list[float]] = {"penchant": [], "sentence-transformers": []}
    quality: dict[str, float] = {}
    for _ in range(asked.rounds):
        for name, make in (("penchant", ours), ("sentence-transformers", theirs)):
            side = make(asked.batch, asked.max_length)
            if name not in quality:
                before = found(side.encode([a for a, _ in kept]), side.encode([b for _, b in kept]))
                quality.setdefault("before", before)
            start = time.process_time()
            side.train(learned)
            seconds[name].append(time.process_time() - start)
            if name not in quality:
                quality[name] = found(side.encode([a for a, _ in kept]), side.encode([b for _, b in kept]))
            print(f"{name}: {seconds[name][-1]:.1f} s of processor", flush=True)
    ratios = [b / a for a, b in zip(seconds["penchant"], seconds["sentence-transformers"], strict=True)]
    result = {
        "pairs": asked.pairs,
        "batch": asked.batch,
        "max_length": asked.max_length,
        "threads": 1,
        "processor_seconds": seconds,
        "ratio": float(np.median(ratios)),
        "ratios": ratios,
        "nearest_of_500": quality,
        "versions": {name: version(name) for name in ("torch", "transformers", "sentence-transformers", "penchant")},
        "machine": platform.processor() or platform.machine(),
    }
    asked.to.parent.mkdir(parents=True, exist_ok=True)
    asked.to.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())


if __name__ == "__main__":
    main()
