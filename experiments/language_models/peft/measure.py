"""Makes result.json: quality, trained weights, seconds and memory of every fine-tuning method, on genres of books."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize

from penchant.bundled import BOOKS, LICENCE
from penchant.config import read_toml
from penchant.encoders import load_encoder
from penchant.encoders.fine_tuning import FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.pair_input import Tokens
from penchant.seeding import numpy_rng
from penchant.training.loop import TrainingConfig, train
from penchant.types import DoubleArray, IntArray

HERE = Path(__file__).parent
DRAWS = 1000
STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)

Parts = tuple[IntArray, IntArray, IntArray]


def books(settings: dict[str, Any]) -> tuple[list[str], DoubleArray, Parts]:
    """Texts, (I, G) genres, and the rows of training, validation and test: no author is in two of them."""
    query = f"SELECT title, authors, year, genres FROM '{BOOKS}/items.parquet' ORDER BY item_id"
    rows = duckdb.connect().execute(query).fetchall()
    counts: dict[str, int] = {}
    for *_, genres in rows:
        for genre in genres or ():
            counts[genre] = counts.get(genre, 0) + 1
    common = sorted(counts, key=lambda genre: (-counts[genre], genre))[: settings["genres"]]
    texts = [f"{title}. {', '.join(authors or ())}{f', {year}' if year else ''}" for title, authors, year, _ in rows]
    labels = np.array([[float(genre in (genres or ())) for genre in common] for *_, genres in rows])
    first = np.array([(authors or [""])[0] for _, authors, *_ in rows])
    authors = numpy_rng(settings["seed"], "authors").permutation(np.unique(first))
    held = round(settings["test_share"] * len(authors))
    test, validation = np.isin(first, authors[:held]), np.isin(first, authors[held : 2 * held])
    return texts, labels, (np.flatnonzero(~test & ~validation), np.flatnonzero(validation), np.flatnonzero(test))


class Reader(nn.Module):
    """An encoder under one linear layer: logits (N, G) of unit vectors, made √D long.

    The layer begins as the frozen model's logistic regression (Kumar et al. 2022, "Fine-tuning can distort pretrained
    features"), so that every method begins at that, but for those that put something before the text.
    """

    def __init__(self, encoder: FineTunedEncoder, head: Path) -> None:
        super().__init__()
        self.encoder = encoder
        fitted = load_file(head)
        self.head = nn.Linear(encoder.dim, len(fitted["bias"]))
        self.head.load_state_dict({"weight": fitted["weight"] / encoder.dim**0.5, "bias": fitted["bias"]})

    def forward(self, tokens: Sequence[Tokens]) -> Tensor:
        """(N, G)"""
        logits: Tensor = self.head(normalize(self.encoder.encode(tokens), dim=1) * self.encoder.dim**0.5)
        return logits

    def logits(self, tokens: Sequence[Tokens], rows: IntArray) -> DoubleArray:
        """Of books, texts of like length together."""
        found = np.zeros((len(rows), self.head.out_features))
        order = np.argsort([len(tokens[row].ids) for row in rows], kind="stable")
        with torch.inference_mode():
            for start in range(0, len(rows), 64):
                part = order[start : start + 64]
                found[part] = self([tokens[rows[k]] for k in part]).double().numpy()
        return found


def measure(name: str, rate: float, settings: dict[str, Any], head: Path) -> dict[str, Any]:
    """Train one method at one rate, save it, read it again; its row and its test logits."""
    texts, labels, (training, validation, test) = books(settings)
    seed, method = settings["seed"], settings["methods"].get(name, name)
    config = FineTunedEncoderConfig.of({"method": method, "max_length": settings["max_length"]})
    encoder = FineTunedEncoder(config, seed=seed)
    reader = Reader(encoder, head)
    tokens, targets = encoder.tokenize([(text, None) for text in texts]), torch.from_numpy(labels).float()
    order = numpy_rng(seed, "batches")

    def batches(epoch: int) -> list[IntArray]:  # noqa: ARG001
        shuffled = order.permutation(training)
        return [shuffled[k : k + settings["batch"]] for k in range(0, len(shuffled), settings["batch"])]

    def optimiser() -> torch.optim.Optimizer:
        groups = [{"params": list(reader.head.parameters()), "lr": settings["head_rate"]}]
        if encoder.trainable_count:
            groups.append({"params": list(encoder.parameters()), "lr": rate})
        return torch.optim.AdamW(groups, weight_decay=0.0)

    before, wall = time.process_time(), time.perf_counter()
    record = train(
        reader,
        batches=batches,
        loss=lambda rows: binary_cross_entropy_with_logits(reader([tokens[row] for row in rows]), targets[rows]),
        evaluate=lambda: auc(labels[validation], reader.logits(tokens, validation)),
        config=TrainingConfig(
            max_epochs=settings["epochs"], evaluate_every=1, warmup_steps=settings["warmup_steps"], clip_norm=1.0
        ),
        generators={"batches": order},
        make_optimiser=optimiser,
    )
    busy, elapsed = time.process_time() - before, time.perf_counter() - wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    logits = reader.logits(tokens, test)
    return {
        "method": name,
        "rate": rate,
        "trainable": encoder.trainable_count,
        "share": encoder.trainable_count / encoder.base_count,
        "best_epoch": record.best_epoch,
        "processor_seconds": round(busy, 1),
        "wall_seconds": round(elapsed, 1),
        "peak_mb": round(memory),
        "validation_auc": record.best_value,
        "reloaded_bit_equal": reloaded(encoder, [tokens[row] for row in test[:64]]),
        "saved_and_read_differs": saved(encoder, [texts[row] for row in test[:64]]),
        "logits": logits.tolist(),
    }


def reloaded(encoder: FineTunedEncoder, tokens: Sequence[Tokens]) -> bool:
    """Whether its state, put into a new one, gives the same vectors bit for bit."""
    again = FineTunedEncoder(encoder.config, seed=1)
    again.load_state_dict(encoder.state_dict())
    with torch.inference_mode():
        return torch.equal(again.eval().encode(tokens), encoder.eval().encode(tokens))


def saved(encoder: FineTunedEncoder, texts: Sequence[str]) -> float:
    """How far the vectors of the saved encoder, read by `load_encoder`, are from its own: the largest difference."""
    with TemporaryDirectory() as folder, torch.inference_mode():
        encoder.save(Path(folder) / "encoder")
        found = load_encoder(Path(folder) / "encoder", settings={"precision": "float32"}).encode(texts)
        own = normalize(encoder([(text, None) for text in texts]), dim=1).numpy()
    return float(np.abs(found - own).max())


def frozen(settings: dict[str, Any], head: Path) -> dict[str, Any]:
    """Logistic regression on the frozen vectors to its end, how strong by validation: the best a frozen model gives.

    Its weights are left in `head`.
    """
    texts, labels, (training, validation, test) = books(settings)
    before = time.process_time()
    vectors = load_encoder(settings={"precision": "float32", "max_length": settings["max_length"]}).encode(texts)

    def fit(strength: float) -> tuple[DoubleArray, DoubleArray]:
        fits = [LogisticRegression(C=strength, max_iter=2000).fit(vectors[training], y) for y in labels[training].T]
        return np.stack([one.coef_[0] for one in fits]), np.array([one.intercept_[0] for one in fits])

    def scores(fitted: tuple[DoubleArray, DoubleArray], rows: IntArray) -> DoubleArray:
        logits: DoubleArray = vectors[rows] @ fitted[0].T + fitted[1]
        return logits

    heads = {strength: fit(strength) for strength in STRENGTHS}
    best = max(heads, key=lambda strength: auc(labels[validation], scores(heads[strength], validation)))
    weight, bias = (torch.from_numpy(part).float() for part in heads[best])
    save_file({"weight": weight, "bias": bias}, head)
    return {
        "method": "frozen, logistic regression to its end",
        "trainable": 0,
        "share": 0.0,
        "processor_seconds": round(time.process_time() - before, 1),
        "strength": best,
        "validation_auc": auc(labels[validation], scores(heads[best], validation)),
        "logits": scores(heads[best], test).tolist(),
    }


def auc(labels: DoubleArray, logits: DoubleArray) -> float:
    """Mean over genres of the area under the ROC curve."""
    return float(roc_auc_score(labels, logits, average="macro"))


def compared(rows: list[dict[str, Any]], labels: DoubleArray, *, seed: int) -> None:
    """Add test values to the rows, with the 95 % interval of what each is above the frozen model, books drawn anew."""
    logits = [np.array(row.pop("logits")) for row in rows]
    base = logits[0]
    rng = numpy_rng(seed, "books drawn anew")
    draws = [rng.integers(len(labels), size=len(labels)) for _ in range(DRAWS)]
    draws = [d for d in draws if (labels[d].any(axis=0) & (1 - labels[d]).any(axis=0)).all()]
    based = np.array([auc(labels[d], base[d]) for d in draws])
    for row, found in zip(rows, logits, strict=True):
        row["auc"] = auc(labels, found)
        row["mean_average_precision"] = float(average_precision_score(labels, found, average="macro"))
        if found is not base:
            gains = np.array([auc(labels[d], found[d]) for d in draws]) - based
            row["gain"] = row["auc"] - rows[0]["auc"]
            row["gain_interval"] = [float(np.quantile(gains, q)) for q in (0.025, 0.975)]


def main() -> None:
    """Every method at each of its rates, or the one that is named; of a method's rates the one that validates best."""
    settings = {"methods": {}, **read_toml(HERE / "config.toml")}
    if len(sys.argv) > 1:
        name, rate, head = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
        print(json.dumps(frozen(settings, head) if name == "frozen" else measure(name, rate, settings, head)))
        return
    with TemporaryDirectory() as folder, ThreadPoolExecutor(settings["processes"]) as pool:

        def row(asked: tuple[str, float]) -> dict[str, Any]:  # a process each, so that peaks of memory are its own
            command = [sys.executable, __file__, asked[0], str(asked[1]), str(Path(folder) / "head.safetensors")]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
            print({key: value for key, value in found.items() if key != "logits"}, flush=True)
            return found

        rows = [row(("frozen", 0.0))]  # first: the others begin with its last layer
        tried = list(pool.map(row, [(name, rate) for name, rates in settings["rates"].items() for rate in rates]))
    for name in settings["rates"]:
        of_it = [one for one in tried if one["method"] == name]
        best = max(of_it, key=lambda one: one["validation_auc"])
        rows.append({**best, "validation_auc_of_rates": {str(one["rate"]): one["validation_auc"] for one in of_it}})
    texts, labels, parts = books(settings)
    compared(rows, labels[parts[2]], seed=settings["seed"])
    data = {"books": len(texts), "licence": LICENCE, "parts": [len(part) for part in parts]}
    result = {"data": data, "settings": settings, "results": rows}
    (HERE / "result.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
