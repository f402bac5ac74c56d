"""Makes domains.json: one frozen model, a set of LoRA weights for books and one for films; does the one help the other?

python domains.py BOOKS.dataset FILMS.dataset
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from genre_task import Genres, Reader, auc, books, films, gained, regressed

from penchant.config import read_toml
from penchant.encoders.fine_tuning import FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.fine_tuning.domains import DomainWeights
from penchant.evaluation.measuring import environment
from penchant.seeding import numpy_rng
from penchant.types import DoubleArray, FloatArray, IntArray

HERE = Path(__file__).parent
Head = tuple[DoubleArray, DoubleArray]


def best_head(task: Genres, vectors: FloatArray, rows: IntArray, strengths: list[float]) -> Head:
    """A logistic regression on some rows, its strength by validation."""
    heads = {one: regressed(vectors[rows], task.labels[rows], one) for one in strengths}
    held = task.validation
    return max(heads.values(), key=lambda head: auc(task.labels[held], vectors[held] @ head[0].T + head[1]))


def few_labels(task: Genres, vectors: dict[str, FloatArray], own: dict[str, Any], strengths: list[float]) -> list[Any]:
    """By number of labelled films: AUC of a logistic regression on each reading, draws in common."""
    rows = []
    for k in own["labels"]:
        found: dict[str, list[float]] = {name: [] for name in vectors}
        for draw in range(own["draws"]):
            some = numpy_rng(draw, "labelled", str(k)).permutation(task.training)[:k]
            for name, read in vectors.items():
                head = best_head(task, read, some, strengths)
                found[name].append(auc(task.labels[task.test], read[task.test] @ head[0].T + head[1]))
        gain = np.array(found["books"]) - np.array(found["base"])
        half = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
        means = {name: float(np.mean(values)) for name, values in found.items()}
        rows.append({"labels": k, "auc": means, "gain": float(gain.mean()), "half_width": float(half)})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Every row in turn."""
    settings = read_toml(HERE / "config.toml")
    own, strengths, seed = settings["domains"], settings["strengths"], settings["seed"]
    a, b = books(Path(sys.argv[1])), films(Path(sys.argv[2]))
    config = FineTunedEncoderConfig.of(
        {"max_length": settings["max_length"], "method": {"name": "lora", "rank": own["rank"]}}
    )
    domains = DomainWeights(FineTunedEncoder(config, seed=seed))
    domains.keep("base")
    texts = {task.name: [(text, None) for text in task.texts] for task in (a, b)}
    base = {task.name: domains.vectors("base", texts[task.name]) for task in (a, b)}
    seconds: dict[str, float] = {}

    def tuned(name: str, task: Genres, rows: IntArray, start: str, head: Head, epochs: int) -> Reader:
        before = time.process_time()
        reader = Reader(domains.use(start), *head)
        record = reader.learn(task, rows, epochs=epochs, rate=own["rate"], seed=seed)
        domains.keep(name)
        seconds[name] = round(time.process_time() - before, 1)
        print(name, seconds[name], record.best_epoch, record.best_value, flush=True)
        return reader

    def asked(reader: Reader, task: Genres) -> DoubleArray:
        return reader.logits([task.texts[row] for row in task.test])

    frozen = {task.name: best_head(task, base[task.name], task.training, strengths) for task in (a, b)}
    scores: dict[str, DoubleArray] = {}
    for task in (a, b):
        head = frozen[task.name]
        scores[f"{task.name}: frozen"] = base[task.name][task.test] @ head[0].T + head[1]
    reader = tuned("books", a, a.training, "base", frozen[a.name], own["book_epochs"])
    scores[f"{a.name}: own set"] = asked(reader, a)
    scores["films: the books' model as it is"] = asked(reader, b)[:, a.shared]
    scores["films: the frozen books' layer as it is"] = (
        base[b.name][b.test] @ frozen[a.name][0].T + frozen[a.name][1]
    )[:, a.shared]
    by_books = domains.vectors("books", texts[b.name])
    curve = few_labels(b, {"base": base[b.name], "books": by_books}, own, strengths)
    few = numpy_rng(seed, "few films").permutation(b.training)[: own["few"]]
    for size, rows in ((own["few"], few), (len(b.training), b.training)):
        for start, read in (("base", base[b.name]), ("books", by_books)):
            name = f"films ({size}) from {start}"
            head = best_head(b, read, rows, strengths)
            scores[f"films ({size}): {start}, a new layer alone"] = read[b.test] @ head[0].T + head[1]
            scores[f"films ({size}): {start}, tuned on films"] = asked(
                tuned(name, b, rows, start, head, own["film_epochs"]), b
            )
    whole = f"films ({len(b.training)}) from base"
    rows = []
    for name, found in scores.items():
        task = a if name.startswith(a.name) else b
        row: dict[str, Any] = {"of": name, "auc": auc(task.labels[task.test], found)}
        alone = f"{name.split(':')[0]}: base, a new layer alone"
        against = alone if "(" in name else f"{task.name}: frozen"
        if against in scores and against != name:
            row |= {"above": against, "gain": row["auc"] - auc(task.labels[task.test], scores[against])}
            row["interval"] = gained(task.labels[task.test], found, scores[against], seed=seed)
        rows.append(row)
        print(row, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        domains.save(Path(folder) / "sets")
        sizes = [file.stat().st_size for file in (Path(folder) / "sets").glob("*.safetensors")]
        again = DomainWeights.load(Path(folder) / "sets")
        same = [
            np.array_equal(again.vectors(name, texts[task.name][:64]), domains.vectors(name, texts[task.name][:64]))
            for name, task in (("books", a), (whole, b))
        ]
    result = {
        "settings": settings,
        "data": [
            {"name": t.name, "fingerprint": t.fingerprint, "parts": [len(t.training), len(t.validation), len(t.test)]}
            for t in (a, b)
        ],
        "base_weights": domains.encoder.base_count,
        "weights_of_a_set": domains.encoder.trainable_count,
        "bytes_of_a_set": max(sizes),
        "sets_read_back_bit_equal": all(same),
        "base_reads_as_before": bool(np.array_equal(domains.vectors("base", texts[b.name][:64]), base[b.name][:64])),
        "processor_seconds": seconds,
        "few_labelled_films": curve,
        "results": rows,
        "environment": environment(),
    }
    (HERE / "domains.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
