"""Makes result.json: what the ranking costs when it may say only what has a name.

A tracker is fitted on the training part of a leave-one-out split, then trained through named concepts
(`InterestTracker.through_concepts`), so that ``z_i = μ + Σ_c a_ic d_c + r_i``. Then, with one user vector u and no
belief:

- `u·z`: the tracker before; `u·z, through concepts`: after; `concepts`: u·(z − r), what is said by names and kinds;
- `concepts + neighbours`: the same standardised, beside item-kNN whose weight is chosen on validation;
- the full preset with its own weights: of the variance of a user's scores over all items how much is each source's
  (``cov(source, score) / var(score)``, the mean over users: they add up to one), and what NDCG@10 loses without one.

NDCG@10 over all items with the history excluded. Settings were chosen on validation; the test part is asked once.
"""

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from penchant import __version__
from penchant.concepts.kinds import SEPARATOR, placed_vocabulary, words_of
from penchant.concepts.kinship import ItemTexts
from penchant.concepts.vocabulary import Vocabulary, VocabularyConfig, build_vocabulary
from penchant.config import read_toml
from penchant.data.dataset import Table
from penchant.data.folder import load_dataset
from penchant.data.histories import Cases, Histories
from penchant.data.polarity import consumption
from penchant.data.splitting import SplitConfig, splits
from penchant.interfaces import FitOptions
from penchant.models.holdout import catalogue_ties, sampled, validation_ndcg
from penchant.models.hybrid import Interest
from penchant.models.hybrid_config import InterestConfig
from penchant.models.neighborhood import ItemKNN
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.pipeline.encoding import cached_encoder, item_vectors
from penchant.progress import Progress

WEIGHTS = (0.5, 1.0, 2.0)
VALIDATION = 2_000
"""Cases that weights are chosen on."""
PARTS_OF = 800
"""Users whose scores are taken apart."""


class Notes(Progress):
    """Prints what is noted."""

    def note(self, text: str) -> None:
        """Print it."""
        print(text, flush=True)


class Asked:
    """NDCG@10 of item vectors or scores on some cases; the users are read once."""

    def __init__(self, cases: Cases, tracker: InterestTracker, ties: np.ndarray) -> None:
        self.cases, self.ties = cases, ties
        self.users = tracker.user_vectors(cases.histories)

    def ndcg(self, score: Callable[[np.ndarray, Histories], np.ndarray]) -> float:
        """Of scores from user vectors and histories."""
        at = 0

        def of(histories: Histories) -> np.ndarray:
            nonlocal at
            users = self.users[at : at + len(histories)]
            at += len(histories)
            return score(users, histories)

        return validation_ndcg(of, self.cases, ties=self.ties)

    def of(self, items: np.ndarray) -> float:
        """Of dot products with item vectors."""
        return self.ndcg(lambda users, _: users @ items.T)


def standard(scores: np.ndarray) -> np.ndarray:
    """Scores of mean 0 and deviation 1 over the items."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    return centred / np.maximum(centred.std(axis=1, keepdims=True), 1e-9)


def beside(users: np.ndarray, histories: Histories, items: np.ndarray, knn: ItemKNN, weight: float) -> np.ndarray:
    """Standardised dot products plus neighbours whose best item counts `weight`."""
    near = knn.score(histories)
    best = near.max(axis=1, keepdims=True, initial=0.0)
    return standard(users @ items.T) + weight * near / np.where(best > 0, best, 1.0)


def taken_apart(model: Interest, told: np.ndarray, cases: Cases, ties: np.ndarray) -> dict[str, Any]:
    """The full preset's share of variance by source, and NDCG@10 without a source."""
    shares: dict[str, list[np.ndarray]] = {}

    def sources(histories: Histories) -> dict[str, np.ndarray]:
        parts = model.parts(histories)
        gate = parts.gates.tracker_B[:, None]
        found = {
            "concepts": gate * (parts.users_BD @ told.T),
            "residual": gate * (parts.users_BD @ (model.tracker.item_vectors - told).T),
        }
        for name, scores in parts.beside.items():
            found[name] = np.broadcast_to(parts.gates.beside[name][:, None] * scores, found["concepts"].shape)
        return found

    def without(*names: str) -> float:
        return validation_ndcg(
            lambda histories: np.sum([s for n, s in sources(histories).items() if n not in names], axis=0),
            cases,
            ties=ties,
        )

    for _, histories in cases.histories.batches(256):
        found = sources(histories)
        total = np.sum(list(found.values()), axis=0)
        total = total - total.mean(axis=1, keepdims=True)
        for name, scores in found.items():
            shares.setdefault(name, []).append((scores * total).mean(axis=1) / (total**2).mean(axis=1))
    whole = without()
    return {
        "users": len(cases),
        "weights": {name: list(weights) for name, weights in model.blend.weights.items()},
        "share of variance": {name: float(np.concatenate(parts).mean()) for name, parts in shares.items()},
        "ndcg@10": whole,
        "cost of leaving out": {name: 1 - without(name) / whole for name in shares if name in {"residual", "graph"}}
        | {"residual and graph": 1 - without("residual", "graph") / whole},
    }


def names_told(placed: Vocabulary, vocabulary: Vocabulary, items: Table) -> dict[str, Any]:
    """How much of a kind its name is said of: the mean over kinds of the share of its activations, of its 10 items that
    activate it most, and of all items.
    """
    table, words = words_of(vocabulary, items)
    place = {word: v for v, word in enumerate(words)}
    columns, activations = sp.csc_array(table), sp.csc_array(placed.activations)
    shares = []
    for c, concept in enumerate(placed.concepts):
        named = [place[w] for w in re.sub(r" \(\d+\)$", "", concept.name).split(SEPARATOR) if w in place]
        if concept.kind != "kind" or not named:
            continue
        said = np.asarray(columns[:, named].sum(axis=1)).ravel() > 0
        span = slice(activations.indptr[c], activations.indptr[c + 1])
        rows, values = activations.indices[span], activations.data[span]
        most = rows[np.argsort(-values, kind="stable")[:10]]
        shares.append([(values * said[rows]).sum() / values.sum(), said[most].mean(), said.mean()])
    mean = np.mean(shares, axis=0).tolist() if shares else [None] * 3
    return dict(zip(("of its activations", "of its ten foremost items", "of all items"), mean, strict=True))


def main() -> None:
    """Fit or load the ranking, train it through concepts, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("name")
    parser.add_argument("dataset", type=Path, help="an imported dataset")
    here = Path(__file__).parent
    parser.add_argument("--config", type=Path, default=here / "config.toml")
    parser.add_argument("--ranking", type=Path, help="folder of the fitted ranking: written, or read where it is there")
    parser.add_argument("--taught", type=Path, help="folder of the tracker trained through concepts: the same")
    parser.add_argument("--json", type=Path, default=here / "result.json")
    given = parser.parse_args()
    settings = read_toml(given.config)
    settings = {**settings, **settings.get("datasets", {}).get(given.name, {})}
    seed, progress, encoder = settings["seed"], Notes(), cached_encoder(None)
    data = consumption(load_dataset(given.dataset))
    texts = item_vectors(data.items, encoder)
    if texts is None:
        raise SystemExit("No item has a text.")
    split = next(iter(splits(data, "leave-one-out", config=SplitConfig())))
    options = FitOptions(validation=split.validation, item_vectors=texts, seed=seed, progress=progress)
    model = Interest(InterestConfig.of(settings["interest"]))
    if given.ranking is not None and (given.ranking / "model.json").exists():
        kept = json.loads((given.ranking / "model.json").read_text())["model"]
        if kept == "tracker":  # of which the rest of the preset is not asked
            model.tracker = InterestTracker.load(given.ranking)
        else:
            model = Interest.load(given.ranking)
    else:
        model.fit(split.train, options=options)
        if given.ranking is not None:
            given.ranking.mkdir(parents=True, exist_ok=True)
            model.save(given.ranking)
    ties = catalogue_ties(data, seed)
    parts = {"validation": sampled(split.validation, VALIDATION, seed), "test": split.test}
    found: dict[str, dict[str, Any]] = {name: {} for name in parts}
    for name, cases in parts.items():
        found[name]["u·z"] = Asked(cases, model.tracker, ties).of(model.tracker.item_vectors)

    vocabulary = build_vocabulary(
        data.items, VocabularyConfig(**settings["vocabulary"]), encoder=encoder, item_vectors=texts, seed=seed
    )
    tracker = model.tracker
    if given.taught is not None and (given.taught / "model.json").exists():
        tracker = model.tracker = InterestTracker.load(given.taught)
    else:
        told_so = type(tracker.config.concepts).of(settings["concepts"])
        tracker.config = tracker.config.model_copy(update={"concepts": told_so})
        tracker.through_concepts(split.train, vocabulary.activations, options=options)
        if given.taught is not None:
            given.taught.mkdir(parents=True, exist_ok=True)
            tracker.save(given.taught)
    taught = tracker.concepts
    if taught is None:
        raise SystemExit("The catalogue is too small for concepts.")
    told = taught.mean + taught.activations @ taught.directions
    knn = ItemKNN(model.config.item_knn).fit(split.train, options=options)
    best = 0.0
    for name, cases in parts.items():
        asked = Asked(cases, tracker, ties)
        found[name]["u·z, through concepts"] = asked.of(tracker.item_vectors)
        found[name]["concepts"] = asked.of(told)
        if name == "validation":
            values = {w: asked.ndcg(lambda u, h, w=w: beside(u, h, told, knn, w)) for w in WEIGHTS}
            best = max(values, key=lambda w: values[w])
            found[name]["concepts + neighbours, by weight"] = {str(w): value for w, value in values.items()}
        found[name]["concepts + neighbours"] = asked.ndcg(lambda u, h, w=best: beside(u, h, told, knn, w))
        found[name]["cost of concepts against u·z, through concepts"] = (
            1 - found[name]["concepts"] / found[name]["u·z, through concepts"]
        )
        found[name]["cost of concepts against u·z"] = 1 - found[name]["concepts"] / found[name]["u·z"]
        found[name]["cost of training through concepts"] = 1 - found[name]["u·z, through concepts"] / found[name]["u·z"]
        print(name, found[name], flush=True)
    placed = placed_vocabulary(vocabulary, data.items, taught.names, taught.kinds, taught.activations)
    kinds = np.flatnonzero(taught.kinds)
    coherence = ItemTexts(texts).coherence(taught.activations[:, kinds])
    centred = tracker.item_vectors - taught.mean
    told_of: dict[str, Any] = {
        "users": len(split.test),
        "items": len(data.items),
        "fingerprint": data.fingerprint,
        "split_hash": split.hash,
        "ranking": "given" if given.ranking is not None else "fitted",
        "interest": settings["interest"],
        "names": int((~taught.kinds).sum()),
        "kinds": len(kinds),
        "concepts an item": taught.activations.nnz / len(data.items),
        "most of an item": int(np.diff(taught.activations.indptr).max()),
        "least items of a concept": int(np.diff(taught.activations.tocsc().indptr).min()),
        "explained": float(1 - ((tracker.item_vectors - told) ** 2).sum() / (centred**2).sum()),
        "text coherence of kinds, deciles 1, 5, 9": np.quantile(coherence, (0.1, 0.5, 0.9)).tolist()
        if len(kinds)
        else [],
        "kinds' names are said": names_told(placed, vocabulary, data.items),
        "some kinds": [concept.name for concept in placed.concepts if concept.kind == "kind"][
            :: max(len(kinds) // 12, 1)
        ],
        **found,
    }
    if model.blend is not None:
        model._measure()
        told_of["preset"] = taken_apart(model, told, sampled(split.test, PARTS_OF, seed), ties)
    result = json.loads(given.json.read_text()) if given.json.exists() else {}
    result |= {"penchant": __version__, "encoder": encoder.identity, "seed": seed}
    result["settings"] = {key: settings[key] for key in ("vocabulary", "concepts")}
    result.setdefault("datasets", {})[given.name] = told_of
    given.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(told_of, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
