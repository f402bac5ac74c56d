"""Makes few-labels.json: does a small model that learned from behaviour without labels need fewer of them afterwards?

python few_labels.py BOOKS.dataset SEEDS. The labels are genres of books, told from title and authors; the books asked
for are by authors of whom no label is seen, and nothing of their use is learned from but by the last start. Rows that
the file has are kept.
"""

import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from penchant.data.dataset import Dataset
from penchant.encoders import load_encoder
from penchant.encoders.architecture import TOKENIZERS, ArchitectureConfig, save_fresh
from penchant.encoders.item_text import ItemTemplate, render_items
from penchant.encoders.tokenizer_training import TokenizerConfig, train_tokenizer
from penchant.evaluation.measuring import environment
from penchant.interfaces import FitOptions
from penchant.pipeline.pretraining import PretrainingConfig, pretrain_encoder
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray, FloatArray

HERE = Path(__file__).parent
TEMPLATE = ItemTemplate(fields={"title": "{}", "authors": "{}"})
STARTS: dict[str, dict[str, dict[str, Any]]] = {
    "random start": {},
    "masked words": {"mlm": {}},
    "items taken together": {"item_item": {"max_examples": 3000}},
    "items taken together, all": {"item_item": {"max_examples": 3000}},
}
ALL = "items taken together, all"
"""Of the books asked for too it is known who took them, not what they are: as of books that nobody has labelled."""
STEPS = {"learning_rate": 1e-3, "max_epochs": 4, "patience": 4, "warmup_steps": 50}
GENRES, LABELS, DRAWS, TEST_SHARE = 10, (16, 64, 256), 10, 0.3


def divided(data: Dataset) -> tuple[BoolArray, DoubleArray]:
    """Which books are asked for, (I,), and the genres of all, (I, G)."""
    first = np.array([str(authors[0]) if len(authors) else "" for authors in data.items.columns["authors"]])
    names = numpy_rng(0, "authors").permutation(np.unique(first))
    told = [set(genres) for genres in data.items.columns["categories"]]
    counts: dict[str, int] = {}
    for genres in told:
        for genre in genres:
            counts[genre] = counts.get(genre, 0) + 1
    common = sorted(counts, key=lambda genre: (-counts[genre], genre))[:GENRES]
    labels = np.array([[float(genre in genres) for genre in common] for genres in told])
    return np.isin(first, names[: round(TEST_SHARE * len(names))]), labels


def auc_of(vectors: FloatArray, labels: DoubleArray, test: BoolArray, k: int, seed: int) -> float:
    """Of the genres, the mean over genres and draws of k labelled books; 0.5 where a draw has one kind of label."""
    rows, x = np.flatnonzero(~test), StandardScaler().fit(vectors[~test]).transform(vectors)
    found = []
    for draw in range(DRAWS):
        some = numpy_rng(seed, "labelled", str(k), str(draw)).permutation(rows)[:k]
        for y in labels.T:
            if len(np.unique(y[some])) < 2:
                found.append(0.5)
                continue
            model = LogisticRegression(C=0.01, max_iter=500).fit(x[some], y[some])
            found.append(float(roc_auc_score(y[test], model.decision_function(x[test]))))
    return float(np.mean(found))


def main() -> None:
    """Every start with every seed; the file is written after each."""
    data, seeds = Dataset.load(Path(sys.argv[1])), [int(seed) for seed in sys.argv[2].split(",")]
    test, labels = divided(data)
    texts = render_items(data.items, template=TEMPLATE)
    learned = data.select(~test[data.events.items])
    file = HERE / "few-labels.json"
    rows: list[dict[str, Any]] = json.loads(file.read_text())["runs"] if file.exists() else []
    done = {(row["seed"], row["start"]) for row in rows}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            architecture = ArchitectureConfig.of({"size": "tiny", "max_length": 32})
            known = [text for text, asked in zip(texts, test, strict=True) if not asked]
            tokenizer = train_tokenizer(known, TOKENIZERS[architecture.kind], TokenizerConfig.of({"vocabulary": 4000}))
            (folder / "random start").mkdir()
            save_fresh(architecture, tokenizer, folder / "random start", seed=seed)
            for start, objectives in STARTS.items():
                if (seed, start) in done:
                    continue
                busy = time.process_time()
                row: dict[str, Any] = {"seed": seed, "start": start}
                if objectives:
                    config = PretrainingConfig.of(
                        {
                            "start": str(folder / "random start"),
                            "max_length": 32,
                            "template": TEMPLATE.model_dump(),
                            "objectives": objectives,
                            "training": STEPS,
                        }
                    )
                    report = pretrain_encoder(
                        data if start == ALL else learned, folder / start, config, options=FitOptions(seed=seed)
                    )
                    (one,) = report.objectives
                    row |= {"loss_before": one["before"]["loss"], "loss_after": one["after"]["loss"]}
                vectors = load_encoder(folder / start, settings={"max_length": 32, "precision": "float32"}).encode(
                    texts
                )
                row |= {"auc": {str(k): auc_of(vectors, labels, test, k, seed) for k in LABELS}}
                rows.append({**row, "cpu_seconds": round(time.process_time() - busy, 1)})
                print(rows[-1], flush=True)
                _write(rows, data, test)


def _write(rows: list[dict[str, Any]], data: Dataset, test: BoolArray) -> None:
    by = {(row["seed"], row["start"]): row["auc"] for row in rows}
    seeds = sorted({row["seed"] for row in rows})
    plain = "random start"
    gains = {
        start: {k: [by[s, start][k] - by[s, plain][k] for s in seeds if (s, start) in by] for k in map(str, LABELS)}
        for start in STARTS
        if start != plain
    }
    result = {
        "dataset": {"name": data.name, "fingerprint": data.fingerprint},
        "books_asked_for": int(test.sum()),
        "environment": environment(),
        "gains_over_random_start_by_seed": gains,
        "runs": rows,
    }
    (HERE / "few-labels.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    main()
