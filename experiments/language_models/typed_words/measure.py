"""Makes result-NAME.json: items found by the name of a category that their texts do not say, by the embedded encoder
and by encoders that were fine-tuned on what users do, as they rank and as they read typed words.

python measure.py NAME DATASET
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.polarity import consumption
from penchant.data.splitting import split
from penchant.encoders import load_encoder, plain, render_items
from penchant.encoders.item_text import ItemTemplate
from penchant.evaluation.measuring import environment
from penchant.interfaces import Encoder, FitOptions
from penchant.models.content_based import ContentBased
from penchant.models.holdout import catalogue_ties, validation_ndcg
from penchant.models.language.next_item_tuning import NextItemTuning, NextItemTuningConfig
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, FloatArray

HERE = Path(__file__).parent
DRAWS = 2000


def categories(data: Dataset, texts: list[str], settings: dict[str, Any]) -> tuple[list[str], BoolArray]:
    """Names of the categories of enough items and not of too many, whose items' texts hardly ever hold them, (G), and
    (I, G) which item has which.
    """
    listed = [set(one if one is not None else ()) for one in data.items.columns["categories"]]
    names = sorted({name for one in listed for name in one})
    known = np.array([[name in one for name in names] for one in listed])
    asked = (known.sum(axis=0) >= settings["least"]) & (known.mean(axis=0) <= settings["most_share"])
    lowered = [text.lower() for text in texts]
    for g in np.flatnonzero(asked):
        asked[g] = (
            np.mean([names[g].lower() in lowered[i] for i in np.flatnonzero(known[:, g])]) <= settings["most_named"]
        )
    return [name for name, wanted in zip(names, asked, strict=True) if wanted], known[:, asked]


def precision(encoder: Encoder, items_ID: FloatArray, names: list[str], known: BoolArray, k: int) -> list[float]:
    """Of each category: the share of the k items nearest to its name that have it."""
    near = encoder.encode(names) @ items_ID.T
    return [float(known[np.argsort(-row, kind="stable")[:k], g].mean()) for g, row in enumerate(near)]


def main() -> None:
    """Every encoder on the same categories and the same users' last items."""
    name, place = sys.argv[1:]
    settings = read_toml(HERE / "config.toml")
    k, seed, fields = settings["k"], settings["seed"], settings["catalogues"][name]
    data = consumption(Dataset.load(Path(place)))
    texts = render_items(data.items, template=ItemTemplate(fields=fields))
    names, known = categories(data, texts, settings)
    parts = split(data, "leave-one-out")
    found: dict[str, dict[str, list[float]]] = {"as it ranks": {}, "as it reads typed words": {}}
    ndcg: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        for row, of in {"frozen": None, **settings["encoders"]}.items():
            if of is None:
                encoder = load_encoder(settings=settings["reading"])
            else:
                config = NextItemTuningConfig.of({**of, "items": {"fields": fields}})
                tuned = NextItemTuning(config).fit(parts.train, options=FitOptions(seed=seed))
                tuned.save(Path(folder) / row)
                encoder = load_encoder(Path(folder) / row, settings=settings["reading"])
            vectors = encoder.encode(texts)
            model = ContentBased().fit(parts.train, options=FitOptions(item_vectors=vectors))
            ndcg[row] = validation_ndcg(model.score, parts.test, ties=catalogue_ties(data, seed))
            found["as it ranks"][row] = precision(encoder, vectors, names, known, k)
            reader = plain(encoder)
            found["as it reads typed words"][row] = precision(reader, reader.encode(texts), names, known, k)
            print(row, ndcg[row], *(float(np.mean(of[row])) for of in found.values()), flush=True)
    drawn = numpy_rng(seed, "categories").integers(len(names), size=(DRAWS, len(names)))
    rows: dict[str, Any] = {row: {"ndcg@10 of the next item": value} for row, value in ndcg.items()}
    for reading, values in found.items():
        for row, shares in values.items():
            ahead = (np.array(shares) - np.array(values["frozen"]))[drawn].mean(axis=1)
            rows[row][reading] = {
                f"precision@{k} by a category's name": float(np.mean(shares)),
                "ahead of frozen, 95 %": np.quantile(ahead, (0.025, 0.975)).tolist(),
            }
    told = {"fingerprint": data.fingerprint, "items": len(texts), "categories": len(names), "config": settings}
    told |= {"chance": float(known.mean()), "encoders": rows, "environment": environment()}
    (HERE / f"result-{name}.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
