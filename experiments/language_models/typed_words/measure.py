"""Makes result.json: books found by the name of a genre that their texts do not say, by the embedded encoder and by
encoders that were fine-tuned on what readers do.

python measure.py DATASET
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.polarity import consumption
from penchant.data.splitting import split
from penchant.encoders import load_encoder, render_items
from penchant.encoders.item_text import ItemTemplate
from penchant.evaluation.measuring import environment
from penchant.interfaces import Encoder, FitOptions
from penchant.models.content_based import ContentBased
from penchant.models.holdout import catalogue_ties, validation_ndcg
from penchant.models.language.next_item_tuning import NextItemTuning, NextItemTuningConfig
from penchant.seeding import numpy_rng
from penchant.types import BoolArray

HERE = Path(__file__).parent
DRAWS = 2000


def genres(data: Dataset, least: int) -> tuple[list[str], BoolArray]:
    """Names of the genres of at least so many books, and (I, G) which book has which."""
    listed = [set(one if one is not None else ()) for one in data.items.columns["categories"]]
    names = sorted({name for one in listed for name in one})
    known = np.array([[name in one for name in names] for one in listed])
    common = np.flatnonzero(known.sum(axis=0) >= least)
    return [names[g] for g in common], known[:, common]


def precision(encoder: Encoder, texts: list[str], names: list[str], known: BoolArray, k: int) -> list[float]:
    """Of each genre: the share of the k books nearest to its name that have it."""
    near = encoder.encode(names) @ encoder.encode(texts).T
    return [float(known[np.argsort(-row, kind="stable")[:k], g].mean()) for g, row in enumerate(near)]


def main() -> None:
    """Every encoder on the same genres and the same users' last books."""
    settings = read_toml(HERE / "config.toml")
    data, k = consumption(Dataset.load(Path(sys.argv[1]))), settings["k"]
    template = ItemTemplate(fields=settings["fields"])
    texts = render_items(data.items, template=template)
    names, known = genres(data, settings["least"])
    parts = split(data, "leave-one-out")
    found: dict[str, list[float]] = {}
    ndcg: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        encoders = {"frozen": load_encoder()}
        for name, of in settings["encoders"].items():
            config = NextItemTuningConfig.of({**of, "items": {"fields": settings["fields"]}})
            tuned = NextItemTuning(config).fit(parts.train, options=FitOptions(seed=settings["seed"]))
            tuned.save(Path(folder) / name)
            encoders[name] = load_encoder(Path(folder) / name)
        for name, encoder in encoders.items():
            found[name] = precision(encoder, texts, names, known, k)
            options = FitOptions(item_vectors=encoder.encode(texts))
            model = ContentBased().fit(parts.train, options=options)
            ndcg[name] = validation_ndcg(model.score, parts.test, ties=catalogue_ties(data, settings["seed"]))
    drawn = numpy_rng(settings["seed"], "genres").integers(len(names), size=(DRAWS, len(names)))
    base = np.array(found["frozen"])
    rows = {}
    for name, values in found.items():
        ahead = (np.array(values) - base)[drawn].mean(axis=1)
        rows[name] = {
            f"precision@{k} by a genre's name": float(np.mean(values)),
            "ahead of frozen, 95 %": np.quantile(ahead, (0.025, 0.975)).tolist(),
            "ndcg@10 of the next book": ndcg[name],
        }
    told = {"fingerprint": data.fingerprint, "books": len(texts), "genres": len(names), "config": settings}
    told |= {"chance": float(known.mean()), "encoders": rows, "environment": environment()}
    (HERE / "result.json").write_text(json.dumps(told, indent=1) + "\n")
    for name, row in rows.items():
        print(name, json.dumps(row))


if __name__ == "__main__":
    main()
