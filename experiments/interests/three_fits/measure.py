"""Makes result.json: three ways to learn how much a user is interested in a concept, and how far they agree.

All three give the same thing, a number for each user and concept, and from it a score for each user and item ``Σ_c a_ic
w_uc`` over the same names:

- supervised by what ranks: a dictionary of the tracker's item vectors; ``w_uc = u·d_c`` with the tracker's user vector
  u;
- unsupervised: a dictionary of the items' text vectors, which no label touched; ``w_uc = x_u·d_c`` with x_u the mean
  text of the user's last 20 items;
- from labels of user text (`penchant.interests.text.concept_fit`, binary cross-entropy): x_u and an item he then took
  (y = 1) or one drawn by popularity that he did not (y = 0), of training histories.

Held-out labels: each user's test item against 20 items drawn by popularity that he never took, ROC AUC per user, the
mean and its standard error; chance is 0.5. Agreement: `concept_fit.agreement` of interests, each concept's mean over
users taken off, beside that with users shuffled.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from penchant import __version__
from penchant.concepts.dictionary import Dictionary, DictionaryConfig, fit_dictionary
from penchant.concepts.vocabulary import VocabularyConfig, build_vocabulary
from penchant.config import read_toml
from penchant.data.folder import load_dataset
from penchant.data.histories import Cases, Histories
from penchant.data.partition import next_item
from penchant.data.splitting import SplitConfig, splits
from penchant.interests.text.concept_fit import agreement, fit_concepts
from penchant.interfaces import FitOptions
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.pipeline.encoding import cached_encoder, item_vectors
from penchant.seeding import numpy_rng

READ, NEGATIVES, LABELS_OF_A_USER = 20, 20, 4


def user_texts(histories: Histories, texts: np.ndarray) -> np.ndarray:
    """x_u, (U, D): the mean text of the last items, of length one."""
    last = histories.tail(READ)
    owners = np.repeat(np.arange(len(last)), last.lengths)
    taken = sp.coo_array((np.ones(len(owners)), (owners, last.items)), shape=(len(last), len(texts))).tocsr()
    sums = taken @ texts
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)


def negatives(cases: Cases, whole: Histories, counts: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(U, n) items drawn by popularity that a user never took."""
    drawn = rng.choice(len(counts), size=(len(cases), n), p=counts / counts.sum())
    taken = {
        int(u): set(whole.items[a:b].tolist())
        for u, a, b in zip(whole.users, whole.indptr, whole.indptr[1:], strict=False)
    }
    for row, user in enumerate(cases.histories.users.tolist()):
        for k in range(n):
            while int(drawn[row, k]) in taken[user]:
                drawn[row, k] = rng.choice(len(counts), p=counts / counts.sum())
    return drawn


def aucs(scores: np.ndarray, cases: Cases, against: np.ndarray) -> dict[str, float]:
    """Of each user's target against the others, ties counting one half."""
    rows = np.arange(len(cases))
    own = scores[rows, cases.target_items][:, None]
    other = np.take_along_axis(scores, against, axis=1)
    each = ((own > other) + 0.5 * (own == other)).mean(axis=1)
    return {"auc": float(each.mean()), "standard error": float(each.std() / np.sqrt(len(each)))}


def named(dictionary: Dictionary, n_names: int) -> tuple[np.ndarray, sp.csr_array]:
    """Directions (N, D) and activations (I, N) of the names alone; zero for one that was given up."""
    own = np.flatnonzero(~dictionary.kinds)
    place = sp.coo_array(
        (np.ones(len(own)), (own, dictionary.names[own])), shape=(len(dictionary.names), n_names)
    ).tocsr()
    return np.asarray(place.T @ dictionary.directions), sp.csr_array(dictionary.activations @ place)


def main() -> None:
    """Fit three times, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("name")
    parser.add_argument("dataset", type=Path, help="an imported dataset")
    parser.add_argument("--tracker", type=Path, help="folder of a fitted tracker: written, or read where it is there")
    here = Path(__file__).parent
    parser.add_argument("--config", type=Path, default=here / "config.toml")
    parser.add_argument("--json", type=Path, default=here / "result.json")
    given = parser.parse_args()
    settings = read_toml(given.config)
    seed, encoder = settings["seed"], cached_encoder(None)
    rng = numpy_rng(seed, "three fits")
    data = load_dataset(given.dataset)
    texts = item_vectors(data.items, encoder)
    if texts is None:
        raise SystemExit("No item has a text.")
    split = next(iter(splits(data, "leave-one-out", config=SplitConfig())))
    if given.tracker is not None and (given.tracker / "model.json").exists():
        tracker = InterestTracker.load(given.tracker)
    else:
        options = FitOptions(validation=split.validation, item_vectors=texts, seed=seed)
        tracker = InterestTracker(InterestTrackerConfig.of(settings["tracker"])).fit(split.train, options=options)
        if given.tracker is not None:
            given.tracker.mkdir(parents=True, exist_ok=True)
            tracker.save(given.tracker)
    vocabulary = build_vocabulary(
        data.items, VocabularyConfig(**settings["vocabulary"]), encoder=encoder, item_vectors=texts, seed=seed
    )
    names, counts = vocabulary.activations, split.train.item_counts()
    config = DictionaryConfig(**settings["dictionary"])
    by_ranking = fit_dictionary(tracker.item_vectors, names, config, counted_I=counts > 0, rng=rng)
    by_text = fit_dictionary(texts, names, config, rng=rng)
    directions, ranking_on = named(by_ranking, names.shape[1])
    text_directions, text_on = named(by_text, names.shape[1])

    training, shown, labels, items = split.train.histories(), [], [], []
    for back in range(1, LABELS_OF_A_USER + 1):
        until = training.take(np.flatnonzero(training.lengths > back + 1))
        for _ in range(back - 1):
            until = until.without_tail(1)
        cases = next_item(until)
        x = user_texts(cases.histories, texts)
        other = negatives(cases, data.histories(), counts, 1, rng)[:, 0]
        shown += [x, x]
        items += [cases.target_items, other]
        labels += [np.ones(len(x)), np.zeros(len(x))]
    learned = fit_concepts(
        np.concatenate(shown).astype(np.float32),
        names[np.concatenate(items)].astype(np.float64),
        np.concatenate(labels),
    )

    asked = split.test
    x = user_texts(asked.histories, texts)
    interests = {
        "supervised by the ranking": tracker.user_vectors(asked.histories) @ directions.T,
        "unsupervised, texts": x @ text_directions.T,
        "labels of user text": learned.interests(x.astype(np.float32)),
    }
    on = {"supervised by the ranking": ranking_on, "unsupervised, texts": text_on, "labels of user text": names}
    against = negatives(asked, data.histories(), counts, NEGATIVES, rng)
    held_out: dict[str, Any] = {"chance": {"auc": 0.5}}
    held_out["popularity"] = aucs(np.broadcast_to(counts, (len(asked), len(counts))).astype(float), asked, against)
    for label, w in interests.items():
        held_out[label] = aucs(np.asarray((on[label] @ w.T).T), asked, against)
    kept = np.flatnonzero([all(np.abs(w[:, c]).max() > 0 for w in interests.values()) for c in range(names.shape[1])])
    centred = {label: (w - w.mean(axis=0))[:, kept] for label, w in interests.items()}
    pairs: dict[str, Any] = {}
    for a, b in ((a, b) for n, a in enumerate(centred) for b in list(centred)[n + 1 :]):
        pairs[f"{a} | {b}"] = {
            "users as they are": asdict(agreement(centred[a], centred[b])),
            "users shuffled": asdict(agreement(centred[a], centred[b][rng.permutation(len(asked))])),
        }
    result = json.loads(given.json.read_text()) if given.json.exists() else {}
    result |= {"penchant": __version__, "encoder": encoder.identity, "settings": settings}
    result.setdefault("datasets", {})[given.name] = {
        "fingerprint": data.fingerprint,
        "split_hash": split.hash,
        "users": len(asked),
        "names": int(names.shape[1]),
        "names in all three": len(kept),
        "labels": int(sum(map(len, labels))),
        "share of activations zero": float(1 - names.nnz / np.prod(names.shape)),
        "held-out labels": held_out,
        "agreement": pairs,
    }
    given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result["datasets"][given.name], indent=1))


if __name__ == "__main__":
    main()
