"""Makes zero_shot.json: items for a text by the embedded language model, which was trained on neither catalogue.

    python zero_shot.py MOVIELENS.dataset GOODBOOKS.dataset [--to zero_shot.json]

A reader's text is what a person might type: the genres most over-represented in one half of the items he liked and,
where items have authors, the two he liked most of. The other half is to be found among all items but the first half.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.weak_labels import weak_labels
from penchant.encoders import CachedEncoder
from penchant.metrics.roc import roc_auc
from penchant.pipeline.encoding import cached_encoder, item_vectors
from penchant.seeding import numpy_rng

HERE = Path(__file__).parent
SEED = 7
USERS = 400
GENRES, AUTHORS = 3, 2
FEWEST = 10
CUTS = (10, 100)


def text_of(dataset: Dataset, liked: list[int], shares: Counter[str]) -> str:
    """Such as ``fantasy, magic, young-adult by Robin Hobb, Ursula Le Guin``."""
    mine = Counter(genre for item in liked for genre in listed(dataset, "categories", item))
    # A genre of one book in a thousand says little of a reader who had one of it.
    over = {genre: n / len(liked) * np.log((n / len(liked)) / shares[genre]) for genre, n in mine.items()}
    genres = sorted(over, key=lambda genre: (-over[genre], genre))[:GENRES]
    authors = Counter(author for item in liked for author in listed(dataset, "authors", item))
    names = [author for author, _ in sorted(authors.items(), key=lambda pair: (-pair[1], pair[0]))[:AUTHORS]]
    return ", ".join(genres) + (f" by {', '.join(names)}" if names else "")


def listed(dataset: Dataset, column: str, item: int) -> list[str]:
    """An item's values as texts; none where items have no such column."""
    if column not in dataset.items.columns:
        return []
    value = dataset.items.columns[column][item]
    if value is None:
        return []
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else [str(part) for part in value]


def measure(path: Path) -> dict[str, Any]:
    """AUC and recall of the language model, of popularity and of chance."""
    dataset = Dataset.load(path)
    encoder = cached_encoder(None)
    vectors = item_vectors(dataset.items, encoder)
    if vectors is None:
        raise SystemExit(f"{path} has no item texts.")
    histories = dataset.histories()
    likes = weak_labels(histories, dataset).labels == 1
    counts = np.bincount(histories.items, minlength=dataset.n_items)
    shares: Counter[str] = Counter()
    for item in range(dataset.n_items):
        shares.update(dict.fromkeys(listed(dataset, "categories", item), 1 / dataset.n_items))
    rng = numpy_rng(SEED, "readers")
    found: dict[str, dict[str, list[float]]] = {}
    texts, halves = [], []
    for user in rng.permutation(len(histories)).tolist():
        liked = rng.permutation(histories.items[histories.of(user)][likes[histories.of(user)]])
        if len(liked) >= FEWEST:
            half = len(liked) // 2
            texts.append(text_of(dataset, liked[:half].tolist(), shares))
            halves.append((liked[:half], liked[half:]))
        if len(halves) == USERS:
            break
    asked = encoder.encoder.encode(texts) if isinstance(encoder, CachedEncoder) else encoder.encode(texts)
    for vector, (known, wanted) in zip(asked, halves, strict=True):
        candidates = np.setdiff1d(np.arange(dataset.n_items), known)
        truth = np.isin(candidates, wanted)
        scores = {
            "text": (vectors @ vector)[candidates],
            "popularity": counts[candidates].astype(float),
            "random": rng.random(len(candidates)),
        }
        for name, score in scores.items():
            into = found.setdefault(name, {})
            into.setdefault("auc", []).append(roc_auc(truth, score))
            order = np.argsort(-score, kind="stable")
            for cut in CUTS:
                into.setdefault(f"recall@{cut}", []).append(float(truth[order[:cut]].sum() / min(len(wanted), cut)))
    return {
        "readers": len(halves),
        "fingerprint": dataset.fingerprint,
        "encoder": encoder.name,
        "examples_of_texts": texts[:5],
        "results": {
            name: {
                metric: {"mean": float(np.mean(v)), "half_width": float(1.96 * np.std(v, ddof=1) / np.sqrt(len(v)))}
                for metric, v in by_metric.items()
            }
            for name, by_metric in found.items()
        },
    }


def main() -> None:
    """Both catalogues, one file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("datasets", nargs=2, type=Path)
    parser.add_argument("--to", type=Path, default=HERE / "zero_shot.json")
    asked = parser.parse_args()
    settings = {"seed": SEED, "readers": USERS, "genres": GENRES, "authors": AUTHORS, "fewest_likes": FEWEST}
    found = {path.name.removesuffix(".dataset"): measure(path) for path in asked.datasets}
    out = {"settings": settings, "catalogues": found}
    asked.to.write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
