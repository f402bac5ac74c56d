"""Makes a result file: whether interests that users did not have are foreseen.

The last fifth of each user's events is kept back and a model is fitted on the rest. Asked is, for every user, which
concepts he comes to that he never touched: those that an item of the last fifth is mainly about (one of its two largest
activations), that no earlier item of his activates at all, and that are on less than a tenth of the items. Every method
ranks the same open concepts of the same users:

- `discovery`: what `penchant discover` ranks by;
- `popularity`: the share of users who touched the concept at all; `popularity, mainly`: who took an item that is mainly
  of it, a much stronger row, since that is what is asked;
- `nearest`: the largest cosine, in meaning, to a concept that the user knows;
- one row for each of the further signs alone, and `random`.

Recall@5 is the part of a user's new concepts among the first five; the mean is over users who came to any.

    python measure.py --data DATASET --config config.toml --name books --json books.json
"""

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from penchant import __version__
from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.folder import load_dataset
from penchant.exploration.interest_discovery import FEATURES
from penchant.models.hybrid import Interest
from penchant.pipeline.discovery_fitting import counts_of, known_of
from penchant.pipeline.encoding import cached_encoder
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.progress import Progress
from penchant.seeding import numpy_rng

K = 5
USERS_AT_ONCE = 256
RESAMPLES = 1_000
LEAST_EVENTS = 5


class Lines(Progress):
    """Prints what is noted."""

    def note(self, text: str) -> None:
        """Print it."""
        print(text, flush=True)


def split(data: Dataset) -> tuple[Dataset, list[np.ndarray], np.ndarray]:
    """The first four fifths of each user's events, rounded up; the items of the rest; and the users who have one."""
    histories = data.histories()
    kept = np.where(histories.lengths >= LEAST_EVENTS, np.ceil(0.8 * histories.lengths), histories.lengths)
    places = np.arange(len(histories.items)) - np.repeat(histories.indptr[:-1], histories.lengths)
    later = places >= np.repeat(kept, histories.lengths)
    held = histories.keep(later)
    mask = np.ones(len(data.events), dtype=np.bool_)
    mask[held.keys] = False
    truth = [held.items[held.of(b)] for b in range(len(held))]
    return data.select(mask), truth, np.flatnonzero(held.lengths > 0)


def recall(scores_BC: np.ndarray, new_BC: np.ndarray, ties_C: np.ndarray) -> np.ndarray:
    """(B,) part of the new concepts among the K of the largest scores."""
    order = np.lexsort((np.broadcast_to(ties_C, scores_BC.shape), -scores_BC), axis=1)[:, :K]
    hits = np.take_along_axis(new_BC, order, axis=1) & np.isfinite(np.take_along_axis(scores_BC, order, axis=1))
    return hits.sum(axis=1) / new_BC.sum(axis=1)


def main() -> None:
    """Measure one dataset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--name", required=True, help="The table of the configuration that holds this set's settings.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bundle", type=Path, help="Where the fitted model is kept, or lies already.")
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    data = load_dataset(options.data)
    train, truth, users = split(data)
    tables = read_toml(options.config)
    if options.name not in tables:
        parser.error(f"{options.config} has no table {options.name!r}; there are {', '.join(tables)}")
    settings: dict[str, Any] = dict(tables[options.name])
    began = time.perf_counter()
    ready = options.bundle is not None and options.bundle.exists()
    model = InterestModel(config=InterestModelConfig.of(settings), encoder=cached_encoder(None), seed=options.seed)
    model.fit(train, model=Interest.load(options.bundle / "model") if ready else None, progress=Lines())
    seconds = time.perf_counter() - began
    if options.bundle is not None and not ready:
        model.save(options.bundle)
    fitted = model.fitted
    discovery, vocabulary = fitted.discovery, fitted.vocabulary
    rng = numpy_rng(options.seed, "discovery experiment")
    ties = rng.permutation(len(vocabulary.concepts))
    histories = train.histories().take(users)
    everyone = train.histories()
    touched_by = sum(
        (counts_of(everyone.take(some), vocabulary.activations) > 0).sum(axis=0)
        for some in np.array_split(np.arange(len(everyone)), max(1, len(everyone) // USERS_AT_ONCE))
    )
    rows: dict[str, list[np.ndarray]] = {}
    new_ones: list[np.ndarray] = []
    for some in np.array_split(np.arange(len(users)), max(1, len(users) // USERS_AT_ONCE)):
        batch = histories.take(some)
        known = known_of(batch, fitted.model.tracker, vocabulary, temperature=fitted.belief.temperature)
        opened = discovery.open(known)
        future = np.zeros(opened.shape, dtype=np.bool_)
        for b, user in enumerate(users[some].tolist()):
            future[b] = vocabulary.mainly[truth[user]].sum(axis=0) > 0
        new = future & opened
        came = np.flatnonzero(new.any(axis=1))
        features = discovery.features(known)[came]
        methods = {"discovery": discovery.scores(known)[came]}
        methods |= {name: features[:, :, f] for f, name in enumerate(FEATURES)}
        methods["popularity"] = np.broadcast_to(touched_by, opened.shape)[came]
        methods["random"] = rng.random((len(came), opened.shape[1]))
        for name, scores in methods.items():
            open_scores = np.where(opened[came], scores, -np.inf)
            rows.setdefault(name, []).append(recall(open_scores, new[came], ties))
        new_ones.append(new[came].sum(axis=1))
    recalls = {name: np.concatenate(parts) for name, parts in rows.items()}
    recalls["nearest"] = recalls.pop("meaning")
    recalls["popularity, mainly"] = recalls.pop("popular")
    ours = recalls["discovery"]
    draws = rng.integers(len(ours), size=(RESAMPLES, len(ours)))
    found = {}
    for name, values in recalls.items():
        found[name] = {"recall@5": float(values.mean())}
        if name != "discovery":
            ratio = ours[draws].mean(axis=1) / np.maximum(values[draws].mean(axis=1), 1e-12)
            found[name]["ours_over_it"] = float(ours.mean() / max(values.mean(), 1e-12))
            found[name]["interval"] = [round(float(x), 4) for x in np.quantile(ratio, [0.025, 0.975])]
    result = {
        "dataset": {"name": data.name, "fingerprint": data.fingerprint, "users": data.n_users, "items": data.n_items},
        "protocol": {
            "held_out": "the last fifth of each user's events",
            "users_asked": len(users),
            "users_with_a_new_concept": len(ours),
            "new_concepts_a_user": float(np.concatenate(new_ones).mean()),
            "concepts": len(vocabulary.concepts),
            "narrow_concepts": int(discovery.narrow.sum()),
            "seed": options.seed,
            "settings": settings,
        },
        "weights": dict(zip(FEATURES, discovery.weights, strict=True)),
        "results": found,
        "fit_seconds": None if ready else round(seconds, 1),
        "penchant": __version__,
        "machine": platform.machine(),
    }
    options.json.write_text(json.dumps(result, indent=2) + "\n")
    for name, row in found.items():
        print(f"{name:18} recall@5 {row['recall@5']:.4f}  {row.get('ours_over_it', '')} {row.get('interval', '')}")


if __name__ == "__main__":
    main()
