"""Makes result.json: likes and dislikes from a few labels, on two catalogues, against what needs none.

python measure.py MOVIELENS.dataset GOODBOOKS.dataset [--to result.json]
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from penchant.data.dataset import Dataset
from penchant.data.weak_labels import UNLABELLED, weak_labels
from penchant.metrics.probabilities import brier_score, expected_calibration_error
from penchant.metrics.roc import roc_auc
from penchant.models.language.few_shot.bayesian_logistic import BayesianLogisticConfig, Prior
from penchant.models.language.few_shot.behaviour_features import FEATURES, BehaviourFeatures
from penchant.models.language.few_shot.co_training import co_train
from penchant.models.language.few_shot.like_dislike import (
    ASSUMED,
    LikeDislike,
    LikeDislikeConfig,
    expected_elsewhere,
    prior_of,
)
from penchant.models.language.few_shot.self_training import self_train
from penchant.models.language.few_shot.views import View
from penchant.pipeline.encoding import cached_encoder, item_vectors
from penchant.seeding import numpy_rng
from penchant.training.active_learning import by_information, by_uncertainty
from penchant.types import DoubleArray, IntArray

HERE = Path(__file__).parent
DATES = ("release_date", "original_publication_year", "year")
METHODS: dict[str, LikeDislikeConfig] = {
    "assumed prior": LikeDislikeConfig(),
    "nothing assumed": LikeDislikeConfig(expected={}),
}


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """One data set: every labelled event with what is known of it without labels."""

    dataset: Dataset
    features: BehaviourFeatures
    rows: DoubleArray
    users: IntArray
    items: IntArray
    labels: IntArray
    baselines: dict[str, DoubleArray]
    rules: dict[str, Any]


def catalogue(path: Path, components: int) -> Catalogue:
    """Labels by rule (4 and 5 of 5 against 1 and 2), features from all events with their ratings unread."""
    dataset = Dataset.load(path)
    histories = dataset.histories()
    texts = item_vectors(dataset.items, cached_encoder(None))
    if texts is None:
        raise SystemExit(f"{path} has no item texts.")
    weak = weak_labels(histories, dataset)
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    features = BehaviourFeatures.fit(histories, texts, dates=dates_of(dataset), components=components)
    kept = np.flatnonzero(weak.labels != UNLABELLED)
    rows = features.of(histories, owners[kept], histories.items[kept])
    profile = np.zeros((len(histories), texts.shape[1]))
    np.add.at(profile, owners, texts[histories.items])
    own = texts[histories.items[kept]].astype(np.float64)
    without = profile[owners[kept]] - own
    similarity = (without * own).sum(axis=1) / np.maximum(np.linalg.norm(without, axis=1), 1e-12)
    nearest = np.empty(len(kept))
    for user in range(len(histories)):
        mine = texts[histories.items[histories.of(user)]]
        cosines = mine @ mine.T
        np.fill_diagonal(cosines, -1.0)
        at = np.flatnonzero(owners[kept] == user)
        nearest[at] = cosines.max(axis=1)[kept[at] - histories.indptr[user]]
    return Catalogue(
        dataset=dataset,
        features=features,
        rows=rows,
        users=owners[kept],
        items=histories.items[kept].astype(np.int64),
        labels=weak.labels[kept],
        baselines={
            "popularity": rows[:, FEATURES.index("popularity")],
            "history similarity": similarity,
            "nearest of the history": nearest,
        },
        rules=weak.record(),
    )


def dates_of(dataset: Dataset) -> DoubleArray | None:
    """The first four digits that stand together in an item's date; None where items have no date."""
    name = next((name for name in DATES if name in dataset.items.columns), None)
    if name is None:
        return None
    found = []
    for value in dataset.items.columns[name]:
        text = str(value)
        years = [text[n : n + 4] for n in range(len(text) - 3) if text[n : n + 4].isdigit()]
        found.append(float(years[0]) if years else np.nan)
        if isinstance(value, int | float) and np.isfinite(value):
            found[-1] = float(value)
    return np.array(found)


def draws(
    data: Catalogue, settings: dict[str, Any], n: int
) -> Iterator[tuple[np.random.Generator, IntArray, IntArray]]:
    """A generator, the test events and the training events in random order, users apart."""
    for draw in range(n):
        rng = numpy_rng(settings["seed"], "draw", str(draw))
        users = rng.permutation(data.users.max() + 1)
        test_users = users[: round(len(users) * settings["test_users"])]
        tested = np.isin(data.users, test_users)
        test = rng.permutation(np.flatnonzero(tested))[: settings["test_events"]]
        yield rng, test, rng.permutation(np.flatnonzero(~tested))


def item_means(data: Catalogue, chosen: IntArray) -> DoubleArray:
    """Of each event's item among the chosen labels, one label of the mean beside them."""
    n = data.items.max() + 1
    count, likes = np.bincount(data.items[chosen], minlength=n), np.bincount(data.items[chosen], data.labels[chosen], n)
    return np.asarray(((likes + data.labels[chosen].mean()) / (count + 1))[data.items])


def summary(values: ArrayLike) -> dict[str, float]:
    """Mean over the draws, and half the width of its interval of 95 %."""
    array = np.asarray(values, dtype=np.float64)
    return {"mean": float(array.mean()), "half_width": float(1.96 * array.std(ddof=1) / np.sqrt(len(array)))}


def few_shot(data: Catalogue, elsewhere: dict[str, float], settings: dict[str, Any]) -> dict[str, Any]:
    """AUC by number of labels."""
    methods = {**METHODS, "prior of the other catalogue": LikeDislikeConfig(expected=elsewhere)}
    found: dict[int, dict[str, list[float]]] = {k: {} for k in settings["examples"]}
    calibration: dict[int, list[tuple[float, float]]] = {k: [] for k in settings["examples"]}
    for _, test, train in draws(data, settings, settings["draws"]):
        truth = data.labels[test]
        for k in settings["examples"]:
            chosen = train[:k]
            scores = {name: score[test] for name, score in data.baselines.items()}
            scores["item mean of the examples"] = item_means(data, chosen)[test]
            for name, config in methods.items():
                model = LikeDislike.fit(data.features, data.rows[chosen], data.labels[chosen], config=config)
                scores[name] = model.log_odds(data.rows[test])
                if name == "assumed prior":
                    p = model.probabilities(data.rows[test])
                    calibration[k].append((brier_score(p, truth), expected_calibration_error(p, truth)))
            for name, score in scores.items():
                found[k].setdefault(name, []).append(roc_auc(truth, score))
    compared = ("popularity", "history similarity", "item mean of the examples")
    out = {}
    for k, by_name in found.items():
        best = max(compared, key=lambda name: float(np.mean(by_name[name])))
        out[str(k)] = {
            "auc": {name: summary(values) for name, values in by_name.items()},
            "best_baseline": best,
            "gain": {name: summary(np.array(by_name[name]) - np.array(by_name[best])) for name in methods},
            "gain_over_nearest_of_the_history": summary(
                np.array(by_name["assumed prior"]) - np.array(by_name["nearest of the history"])
            ),
            "brier": summary([brier for brier, _ in calibration[k]]),
            "calibration_error": summary([error for _, error in calibration[k]]),
        }
    return out


def tenth(data: Catalogue, settings: dict[str, Any]) -> dict[str, Any]:
    """A tenth of the training users' labels: what the unlabelled events add to the same labels."""
    found: dict[str, list[float]] = {}
    weights = []
    text = data.features.components_at[0]
    for draw, (_, test, train) in enumerate(draws(data, settings, settings["tenth_draws"])):
        chosen = train[: round(len(train) * settings["tenth"])]
        truth = data.labels[test]
        blind = np.concatenate(
            [np.ones((len(data.rows), 1)), data.rows[:, text], logit(item_means(data, chosen))], axis=1
        )
        prior = Prior.of_blocks([(np.zeros(1), 2.0), (np.zeros(blind.shape[1] - 2), 0.3), (np.ones(1), 0.5)])
        supervised = View(rows=blind, prior=prior, head=BayesianLogisticConfig(rounds=4))
        head = supervised.fit(chosen, data.labels[chosen])
        found.setdefault("supervised: texts and item means of the labels", []).append(
            roc_auc(truth, head.logits(blind[test])[0])
        )
        everything = np.concatenate([np.ones((len(data.rows), 1)), data.rows], axis=1)
        whole = View(
            rows=everything, prior=prior_of(data.features, LikeDislikeConfig()), head=BayesianLogisticConfig(rounds=4)
        )
        head = whole.fit(chosen, data.labels[chosen])
        found.setdefault("with unlabelled events", []).append(roc_auc(truth, head.logits(everything[test])[0]))
        few = chosen[:256]
        pool = np.concatenate([few, train[len(chosen) :][:2000]])
        small = View(rows=everything[pool], prior=whole.prior, head=BayesianLogisticConfig(rounds=5))
        taught = self_train(small, np.arange(len(few)), data.labels[few], seed=draw)
        head = whole.fit(few, data.labels[few])
        found.setdefault("256 labels", []).append(roc_auc(truth, head.logits(everything[test])[0]))
        found.setdefault("256 labels and pseudo-labels", []).append(
            roc_auc(truth, taught.posterior.logits(everything[test])[0])
        )
        weights.append(taught.weight)
    return {"auc": {name: summary(values) for name, values in found.items()}, "pseudo_label_weights": weights}


def logit(p: DoubleArray) -> DoubleArray:
    """As a column."""
    inside = np.clip(p, 0.02, 0.98)
    return np.asarray(np.log(inside / (1 - inside))[:, None])


def two_views(
    data: Catalogue, settings: dict[str, Any], *, labels: int = 64, assumed: bool = True, n: int | None = None
) -> dict[str, Any]:
    """Co-training from some labels, in n draws: the item's text, and behaviour, its signs assumed or not."""
    found: dict[str, list[float]] = {}
    text, taken = data.features.components_at
    one = np.ones((len(data.rows), 1))
    shown = [
        np.concatenate([one, data.rows[:, text]], axis=1),
        np.concatenate([one, data.rows[:, : len(FEATURES)], data.rows[:, taken]], axis=1),
    ]
    expected = np.array([ASSUMED.get(name, 0.0) if assumed else 0.0 for name in FEATURES])
    blocks = [
        [(np.zeros(shown[0].shape[1] - 1), 0.15)],
        [(expected, 0.1 if assumed else 0.15), (np.zeros(len(range(taken.stop - taken.start))), 0.15)],
    ]
    for _, test, train in draws(data, settings, n or settings["tenth_draws"]):
        chosen, truth = train[:labels], data.labels[test]
        if len(set(data.labels[chosen].tolist())) < 2:  # nothing to begin with
            continue
        pool = np.concatenate([chosen, train[labels : labels + 2000]])
        views = tuple(
            View(
                rows=rows[pool],
                prior=Prior.of_blocks([(np.zeros(1), 2.0), *mine]),
                head=BayesianLogisticConfig(rounds=5),
            )
            for rows, mine in zip(shown, blocks, strict=True)
        )
        result = co_train((views[0], views[1]), np.arange(labels), data.labels[chosen])
        for name, heads in (("before", result.before), ("after", result.after)):
            for view, head, rows in zip(("text", "behaviour"), heads, shown, strict=True):
                found.setdefault(f"AUC of {view}, {name}", []).append(roc_auc(truth, head.logits(rows[test])[0]))
            tested = (shown[0][test], shown[1][test])
            both = result.probabilities(tested, trained=name == "after")
            found.setdefault(f"AUC of both, {name}", []).append(roc_auc(truth, both))
        found.setdefault("agreement before", []).append(result.agreement_before)
        found.setdefault("agreement after", []).append(result.agreement_after)
    for what in ("AUC of text,", "AUC of behaviour,", "AUC of both,", "agreement"):
        gains = np.array(found[f"{what} after"]) - np.array(found[f"{what} before"])
        found[f"gain of {what.removeprefix('AUC of ').rstrip(',')}"] = gains.tolist()
    return {"draws": len(gains), **{name: summary(values) for name, values in found.items()}}


def asked_for(data: Catalogue, settings: dict[str, Any]) -> dict[str, Any]:
    """Labels asked for in tens, from 16 to 256: at random, by uncertainty, by information."""
    steps = (16, 32, 64, 128, 256)

    def random(rng: np.random.Generator, _: LikeDislike, rows: DoubleArray, n: int) -> IntArray:
        return rng.permutation(len(rows))[:n]

    def uncertain(_: np.random.Generator, model: LikeDislike, rows: DoubleArray, n: int) -> IntArray:
        return by_uncertainty(model.probabilities(rows), at_most=n)

    def informative(_: np.random.Generator, model: LikeDislike, rows: DoubleArray, n: int) -> IntArray:
        lead = np.ones((len(rows), 1))
        return by_information(*model.posterior.logits(np.concatenate([lead, rows], axis=1)), at_most=n)

    picks: dict[str, Callable[[np.random.Generator, LikeDislike, DoubleArray, int], IntArray]] = {
        "random": random,
        "uncertainty": uncertain,
        "information": informative,
    }
    found: dict[str, dict[int, list[float]]] = {name: {n: [] for n in steps} for name in picks}
    config = METHODS["nothing assumed"]
    for rng, test, train in draws(data, settings, settings["tenth_draws"]):
        pool = train[:2000]
        for name, pick in picks.items():
            chosen = pool[: steps[0]]
            while True:
                model = LikeDislike.fit(data.features, data.rows[chosen], data.labels[chosen], config=config)
                if len(chosen) in found[name]:
                    found[name][len(chosen)].append(roc_auc(data.labels[test], model.log_odds(data.rows[test])))
                if len(chosen) >= steps[-1]:
                    break
                rest = np.setdiff1d(pool, chosen)
                chosen = np.concatenate([chosen, rest[pick(rng, model, data.rows[rest], 16)]])
    return {name: {str(n): summary(values) for n, values in curve.items()} for name, curve in found.items()}


def main() -> None:
    """Both catalogues, one file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("datasets", nargs=2, type=Path)
    parser.add_argument("--to", type=Path, default=HERE / "result.json")
    asked = parser.parse_args()
    settings = tomllib.loads((HERE / "config.toml").read_text(encoding="utf-8"))
    both = [catalogue(path, settings["components"]) for path in asked.datasets]
    names = [data.dataset.name for data in both]
    told = [expected_elsewhere(*_shuffled(data, numpy_rng(settings["seed"], "elsewhere"))) for data in both]
    out: dict[str, Any] = {"settings": settings, "assumed": dict(ASSUMED), "catalogues": {name: {} for name in names}}
    parts: dict[str, Callable[[Catalogue, dict[str, float]], Any]] = {
        "fingerprint": lambda data, _: data.dataset.fingerprint,
        "labels": lambda data, _: data.rules,
        "like_share": lambda data, _: float(data.labels.mean()),
        "expected_from_the_other": lambda _, elsewhere: elsewhere,
        "few_shot": lambda data, elsewhere: few_shot(data, elsewhere, settings),
        "a_tenth_of_the_labels": lambda data, _: tenth(data, settings),
        "co_training": lambda data, _: two_views(data, settings),
        "labels_asked_for": lambda data, _: asked_for(data, settings),
    }
    for part, measure in parts.items():
        for data, elsewhere in zip(both, told[::-1], strict=True):
            out["catalogues"][data.dataset.name][part] = measure(data, elsewhere)
        print(part, "done", file=sys.stderr, flush=True)
        asked.to.write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _shuffled(data: Catalogue, rng: np.random.Generator) -> tuple[DoubleArray, IntArray]:
    order = rng.permutation(len(data.labels))
    return data.rows[order], data.labels[order]


if __name__ == "__main__":
    main()
