"""Makes augmented.json: labelled books, and the same with changed copies or mixtures beside them.

python augmented.py BOOKS.dataset
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from genre_task import Genres, auc, books, regressed

from penchant.config import read_toml
from penchant.encoders import load_encoder
from penchant.evaluation.measuring import environment
from penchant.seeding import numpy_rng
from penchant.training.augmentation.mixing import mixed
from penchant.training.augmentation.text import TextAugmentationConfig, TextChange, augmented_texts
from penchant.types import DoubleArray, FloatArray, IntArray

HERE = Path(__file__).parent
Examples = tuple[FloatArray, DoubleArray, DoubleArray | None]
"""Vectors (N, D), genres (N, G), and what each counts for (N,)."""


def with_mixtures(vectors: FloatArray, labels: DoubleArray, own: dict[str, Any], seed: int) -> Examples:
    """`mixes` mixtures of each example beside it. A mixed genre is two examples that count for its two shares."""
    generator = torch.Generator().manual_seed(seed)
    parts, wanted, counts = [vectors], [labels], [np.ones(len(vectors))]
    numbered = torch.eye(len(vectors), dtype=torch.float64)
    for _ in range(own["mixes"]):
        made, shares = mixed(torch.from_numpy(vectors), numbered, alpha=own["alpha"], generator=generator)
        weights = shares.numpy()
        own_share = weights.diagonal().copy()
        partner = np.where(own_share < 1, (weights - np.diag(own_share)).argmax(axis=1), np.arange(len(vectors)))
        for rows, share in ((np.arange(len(vectors)), own_share), (partner, 1 - own_share)):
            parts.append(made.numpy())
            wanted.append(labels[rows])
            counts.append(share)
    return np.concatenate(parts), np.concatenate(wanted), np.concatenate(counts)


def best_auc(task: Genres, vectors: FloatArray, examples: Examples, strengths: list[float]) -> float:
    """AUC of a logistic regression whose strength validation chose."""
    x, y, weights = examples
    heads = [regressed(x, y, strength, weights) for strength in strengths]
    asked = (task.validation, task.test)
    held, found = ([auc(task.labels[r], vectors[r] @ h[0].T + h[1]) for h in heads] for r in asked)
    return found[int(np.argmax(held))]


def main() -> None:
    """Every way, number of labels and draw."""
    settings = read_toml(HERE / "config.toml")
    own, seed = settings["augmented"], settings["seed"]
    strengths = own["strengths"]
    task, before = books(Path(sys.argv[1]), count=own["genres"]), time.process_time()
    encoder = load_encoder(settings={"precision": "float32", "max_length": settings["max_length"]})
    vectors = encoder.encode(task.texts)
    pool = task.training
    changed: dict[str, tuple[IntArray, FloatArray]] = {}
    examples: dict[str, list[list[str]]] = {}
    ways: dict[str, tuple[TextChange, ...]] = {"words left out": ("word_drop",), "words replaced": ("synonyms",)}
    for name, changes in ways.items():
        config = TextAugmentationConfig(changes=changes, copies=own["copies"])
        made = augmented_texts([task.texts[row] for row in pool], encoder.encode, config=config, seed=seed)
        new = np.flatnonzero(made.synthetic)
        sources = pool[np.array(made.sources)[new]]
        changed[name] = sources, encoder.encode([made.texts[n] for n in new])
        examples[name] = [
            [task.texts[made_of], made.texts[n]] for made_of, n in list(zip(sources, new, strict=True))[:5]
        ]
        print(name, len(new), examples[name], flush=True)

    def arm(name: str, some: IntArray, draw: int) -> Examples:
        plain = vectors[some], task.labels[some]
        if name == "none":
            return *plain, None
        if name == "the same again":  # as many examples, none of them new
            return np.repeat(plain[0], 1 + own["copies"], axis=0), np.repeat(plain[1], 1 + own["copies"], axis=0), None
        if name == "mixed":
            return with_mixtures(*plain, own, draw)
        sources, read = changed[name]
        rows = np.flatnonzero(np.isin(sources, some))
        return np.concatenate([plain[0], read[rows]]), np.concatenate([plain[1], task.labels[sources[rows]]]), None

    rows: list[dict[str, Any]] = []
    for k in own["labels"]:
        found: dict[str, list[float]] = {}
        sizes: dict[str, list[int]] = {}
        for draw in range(own["draws"]):
            some = numpy_rng(draw, "labelled", str(k)).permutation(pool)[:k]
            for name in ("none", "the same again", *changed, "mixed"):
                given = arm(name, some, draw)
                found.setdefault(name, []).append(best_auc(task, vectors, given, strengths))
                sizes.setdefault(name, []).append(len(given[0]))
        for name, values in found.items():
            gain = np.array(values) - np.array(found["none"])
            row = {
                "labels": k,
                "augmented": name,
                "examples": float(np.mean(sizes[name])),
                "auc": float(np.mean(values)),
            }
            if name != "none":
                half = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
                row |= {"gain": float(gain.mean()), "half_width": float(half)}
            rows.append(row)
            print(row, flush=True)
    result = {
        "settings": settings,
        "data": {"name": task.name, "fingerprint": task.fingerprint, "pool": len(pool), "test": len(task.test)},
        "made_of_the_pool": {name: len(sources) for name, (sources, _) in changed.items()},
        "first_made": examples,
        "processor_seconds": round(time.process_time() - before, 1),
        "results": rows,
        "environment": environment(),
    }
    (HERE / "augmented.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
