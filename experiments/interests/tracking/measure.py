"""Makes a result file: how well the concepts of a user's next events are foreseen, and how surely.

The last `ahead` events of every user with twice as many are kept back, and a model is fitted on the rest. Half of
these users, drawn by the seed, choose everything that can be chosen (temperature, the belief's share, half-life, k,
smoothing); the other half are asked once. Compared, each over all concepts of the vocabulary:

- `static`: how often the user's events bore each concept;  `decayed`: an event counts half after h later ones (or h
  days, where the data are timed);  `last-k`: his last k events. All are smoothed by α events spread as everyone's.
- `tracker`: the softmax of the tracker's scores over items at temperature T.
- `tracker + belief`: the same with the belief's corrections, times g.

Log loss is that of the next events' concepts, each event's in equal shares; NDCG@5 ranks concepts by share with their
counts as gains; counts of a concept among the next events are foretold as beta-binomials, with mean and width
calibrated on the first half for every method alike, and scored by log probability and by the coverage of randomised-PIT
80 % intervals: overall and by tenths of the foretold mean.

    python measure.py --data DATASET --config config.toml --name books --ahead 10 --json books.json
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from penchant import __version__
from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.folder import load_dataset
from penchant.data.histories import Histories
from penchant.data.polarity import polarity
from penchant.interests.forecast import ConceptForecast, CountForecast, forecast_concepts, shared
from penchant.pipeline.belief_fitting import reading_of
from penchant.pipeline.beliefs import MICROSECONDS_A_DAY, BeliefReader
from penchant.pipeline.fitting import Fitted, InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.progress import Progress
from penchant.seeding import numpy_rng

TEMPERATURES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.5)
SHARES = (0.0, 0.5, 1.0, 1.5, 2.0)
SMOOTHINGS = (0.3, 1.0, 3.0, 10.0, 30.0)
HALF_LIVES = (3.0, 5.0, 10.0, 20.0, 40.0, 80.0)
LAST = (5, 10, 20, 40, 80)
USERS_AT_ONCE = 256
RESAMPLES = 1_000


class Lines(Progress):
    """Prints what is noted."""

    def note(self, text: str) -> None:
        """Print it."""
        print(text, flush=True)


class Asked:
    """Users, what they did before, and the concepts of what they did next."""

    def __init__(self, fitted: Fitted, truth: Histories, users: np.ndarray, ahead: int) -> None:
        self.fitted, self.ahead = fitted, ahead
        self.bears = (fitted.vocabulary.bears > 0).astype(np.float64)
        self.history = fitted.dataset.histories(users.astype(np.int32))
        self.next = truth.take(users)
        rows = np.repeat(np.arange(len(users)), self.next.lengths)
        pick = sp.csr_array((np.ones(len(rows)), (rows, self.next.items)), shape=(len(users), self.bears.shape[0]))
        self.counts = np.asarray((pick @ self.bears).todense()).astype(np.int64)
        shares = np.asarray((pick @ shared(self.bears)).todense())
        self.shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
        self.some = shares.sum(axis=1) > 0

    def log_loss(self, found: ConceptForecast) -> np.ndarray:
        """Of each user whose next events have concepts."""
        return -(self.shares * np.log(np.maximum(found.share, 1e-9))).sum(axis=1)[self.some]

    def ndcg(self, found: ConceptForecast, k: int = 5) -> np.ndarray:
        """NDCG@k of concepts by share, gains the counts."""
        best = np.argsort(-found.share, axis=1, kind="stable")[:, :k]
        discount = 1 / np.log2(np.arange(k) + 2)
        gained = (np.take_along_axis(self.counts, best, axis=1) * discount).sum(axis=1)
        ideal = (-np.sort(-self.counts, axis=1)[:, :k] * discount).sum(axis=1)
        return (gained / np.maximum(ideal, 1e-12))[self.some]


def split(data: Dataset, ahead: int) -> tuple[Dataset, Histories, np.ndarray]:
    """The training events, what came after (for all users, empty for those not asked), and the users asked."""
    histories = data.histories()
    liked = histories.keep(polarity(histories, data) > 0)
    asked = np.flatnonzero(liked.lengths >= 2 * ahead)
    begin = np.zeros(len(liked), dtype=np.int64)
    begin[asked] = liked.lengths[asked] - ahead
    end = np.where(begin > 0, liked.lengths, 0)
    truth = liked.between(np.arange(len(liked)), begin, end)
    # Whatever a user did from his first kept-back event on is kept back with it.
    first = np.full(len(liked), np.iinfo(np.int64).max)
    first[asked] = truth.keys[truth.indptr[asked]]
    place = {int(key): n for n, key in enumerate(histories.keys)}
    cut = np.array([place.get(int(key), len(histories.items)) for key in first])
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    kept = set(histories.keys[np.arange(len(histories.items)) < cut[owners]].tolist())
    mask = np.array([key in kept for key in data.events.keys.tolist()])
    return data.select(mask), truth, asked


def model_scores(asked: Asked, *, belief: bool) -> tuple[np.ndarray, np.ndarray]:
    """u·z, (B, I), and what the belief adds at g = 1, (B, I), both in the tracker's unit times its temperature."""
    fitted = asked.fitted
    tracker = fitted.model.tracker
    scores = tracker.user_vectors(asked.history) @ tracker.item_vectors.T
    if not belief:
        return scores, np.zeros((1, 1))
    reader = BeliefReader(fitted.belief, tracker, fitted.vocabulary, fitted.space, fitted.population)
    reading = reading_of(fitted.dataset)
    beliefs, last = reader.beliefs(asked.history, reading), asked.history.indptr[1:] - 1
    n_concepts = len(fitted.vocabulary.concepts)
    corrections = np.zeros((len(asked.history), n_concepts))
    for b in range(len(asked.history)):
        if reading.timed:
            now = float(asked.history.timestamps[last[b]] / MICROSECONDS_A_DAY)
        else:
            now = float(asked.history.lengths[b])
        corrections[b] = beliefs.of(b).corrections(n_concepts, now, fitted.belief.config)
    added = corrections @ fitted.vocabulary.activations.T.toarray()
    return scores, added / fitted.belief.temperature


def by_model(asked: Asked, *, belief: bool, repeats: bool) -> Callable[[float, float], ConceptForecast]:
    """Forecasts by temperature and share of the belief; items had are left out where nobody takes one twice."""
    scores, added = model_scores(asked, belief=belief)
    bears = asked.fitted.vocabulary.bears
    rows = np.repeat(np.arange(len(asked.history)), asked.history.lengths)

    def forecast(temperature: float, share: float) -> ConceptForecast:
        parts = []
        for start in range(0, len(scores), USERS_AT_ONCE):
            part = slice(start, start + USERS_AT_ONCE)
            odds = scores[part].astype(np.float64)
            if belief and share:
                odds += share * added[part]
            odds *= temperature
            if not repeats:
                mine = (rows >= start) & (rows < start + USERS_AT_ONCE)
                odds[rows[mine] - start, asked.history.items[mine]] = -np.inf
            parts.append(forecast_concepts(odds, bears))
        return ConceptForecast(
            share=np.concatenate([p.share for p in parts]), touched=np.concatenate([p.touched for p in parts])
        )

    return forecast


def by_histogram(
    asked: Asked, population: tuple[np.ndarray, np.ndarray], weights: Callable[[Histories], np.ndarray]
) -> Callable[[float], ConceptForecast]:
    """Forecasts by smoothing: weighted counts of past events, and α events spread as everyone's."""
    h = asked.history
    rows = np.repeat(np.arange(len(h)), h.lengths)
    w = weights(h)
    pick = sp.csr_array((w, (rows, h.items)), shape=(len(h), asked.bears.shape[0]))
    total = np.bincount(rows, weights=w, minlength=len(h))[:, None]
    share = np.asarray((pick @ shared(asked.bears)).todense())
    touched = np.asarray((pick @ asked.bears).todense())
    mass = share.sum(axis=1, keepdims=True)

    def forecast(alpha: float) -> ConceptForecast:
        return ConceptForecast(
            share=(share + alpha * population[0]) / (mass + alpha),
            touched=(touched + alpha * population[1]) / (total + alpha),
        )

    return forecast


def ages(h: Histories, *, timed: bool) -> np.ndarray:
    """How long ago each event was: later events, or days before the last."""
    last = np.repeat(h.indptr[1:] - 1, h.lengths)
    if timed:
        return (h.timestamps[last] - h.timestamps) / MICROSECONDS_A_DAY
    return (last - np.arange(len(h.items))).astype(np.float64)


def later(h: Histories) -> np.ndarray:
    """How many of the user's events came after each."""
    return np.repeat(h.indptr[1:] - 1, h.lengths) - np.arange(len(h.items))


def best(choices: list[tuple[dict[str, float], ConceptForecast]], asked: Asked) -> dict[str, float]:
    """The choice with the smallest mean log loss."""
    losses = [float(asked.log_loss(found).mean()) for _, found in choices]
    return choices[int(np.argmin(losses))][0]


def calibration(
    tune: tuple[Asked, ConceptForecast], test: tuple[Asked, ConceptForecast], rng: np.random.Generator
) -> dict[str, Any]:
    """Counts foretold: log score and coverage of 80 % intervals on the test half."""
    (asked, found), (other, told) = tune, test
    n = asked.ahead
    law = CountForecast.fit(found.touched.ravel(), asked.counts.ravel(), n, rng=rng)
    touched, counts = told.touched.ravel(), other.counts.ravel()
    scores = law.log_probability(touched, counts, n)
    pit = law.randomised_pit(touched, counts, n, rng=rng)
    inside = (pit > 0.1) & (pit < 0.9)
    tenths = np.array_split(np.argsort(law.expected(touched, n), kind="stable"), 10)
    return {
        "mean": law.mean,
        "width": law.width,
        "log_score_a_user": float(scores.sum() / len(other.counts)),
        "per_user": scores.reshape(other.counts.shape).sum(axis=1),
        "coverage": float(inside.mean()),
        "coverage_by_tenth": [round(float(inside[t].mean()), 4) for t in tenths],
    }


def interval(difference: np.ndarray, rng: np.random.Generator) -> list[float]:
    """95 % bootstrap interval of a mean over users."""
    draws = rng.integers(len(difference), size=(RESAMPLES, len(difference)))
    return [round(float(x), 5) for x in np.quantile(difference[draws].mean(axis=1), [0.025, 0.975])]


def main() -> None:
    """Measure one dataset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--name", required=True, help="The table of the configuration that holds this set's settings.")
    parser.add_argument("--ahead", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    data = load_dataset(options.data)
    train, truth, users = split(data, options.ahead)
    tables = read_toml(options.config)
    if options.name not in tables:
        parser.error(f"{options.config} has no table {options.name!r}; there are {', '.join(tables)}")
    settings: dict[str, Any] = dict(tables[options.name])
    began = time.perf_counter()
    model = InterestModel(config=InterestModelConfig.of(settings), seed=options.seed).fit(train, progress=Lines())
    seconds = time.perf_counter() - began
    fitted = model.fitted
    rng = numpy_rng(options.seed, "tracking")
    order = rng.permutation(len(users))
    halves = [np.sort(users[order[: len(users) // 2]]), np.sort(users[order[len(users) // 2 :]])]
    tune, test = (Asked(fitted, truth, half, options.ahead) for half in halves)
    timed = data.clock == "time"
    counts = train.item_counts().astype(np.float64)
    pairs = train.histories()
    keys = np.repeat(np.arange(len(pairs)), pairs.lengths) * data.n_items + pairs.items
    repeats = len(np.unique(keys)) < 0.99 * len(keys)
    everyone = counts @ shared(tune.bears), counts @ tune.bears / counts.sum()
    population = everyone[0] / everyone[0].sum(), everyone[1]

    found: dict[str, dict[str, Any]] = {}
    forecasts: dict[str, tuple[ConceptForecast, ConceptForecast]] = {}

    def choose(name: str, makers: list[tuple[dict[str, float], Callable[[Asked], ConceptForecast]]]) -> None:
        taken = best([(said, make(tune)) for said, make in makers], tune)
        make = next(make for said, make in makers if said == taken)
        forecasts[name] = make(tune), make(test)
        found[name] = {"chosen": taken}
        print(name, taken, flush=True)

    def histogram(weights: Callable[[Histories], np.ndarray], **said: float) -> list[Any]:
        return [
            ({**said, "smoothing": a}, lambda asked, a=a: by_histogram(asked, population, weights)(a))
            for a in SMOOTHINGS
        ]

    choose("static", histogram(lambda h: np.ones(len(h.items))))
    unit = fitted.belief.config.scales[0] / 10.0 if timed else 1.0
    decayed = [
        one
        for life in HALF_LIVES
        for one in histogram(lambda h, life=life: np.exp2(-ages(h, timed=timed) / (life * unit)), half_life=life * unit)
    ]
    choose("decayed", decayed)
    choose("last-k", [one for k in LAST for one in histogram(lambda h, k=k: (later(h) < k).astype(float), k=k)])
    for name, belief in (("tracker", False), ("tracker + belief", True)):
        makers = {id(asked): by_model(asked, belief=belief, repeats=repeats) for asked in (tune, test)}
        choose(
            name,
            [
                ({"temperature": t, "belief": g}, lambda asked, t=t, g=g, makers=makers: makers[id(asked)](t, g))
                for t in TEMPERATURES
                for g in (SHARES if belief else (0.0,))
            ],
        )
    losses, gains, laws = {}, {}, {}
    for name, (first, second) in forecasts.items():
        losses[name], gains[name] = test.log_loss(second), test.ndcg(second)
        laws[name] = calibration((tune, first), (test, second), rng)
        found[name] |= {"log_loss": float(losses[name].mean()), "ndcg@5": float(gains[name].mean())}
        found[name] |= {key: value for key, value in laws[name].items() if key != "per_user"}
    ours = "tracker + belief"
    for name in forecasts:
        if name != ours:
            score = laws[ours]["per_user"] - laws[name]["per_user"]
            found[name]["less_than_ours"] = {
                "log_loss": [
                    round(float((losses[name] - losses[ours]).mean()), 5),
                    interval(losses[name] - losses[ours], rng),
                ],
                "ndcg@5": [
                    round(float((gains[ours] - gains[name]).mean()), 5),
                    interval(gains[ours] - gains[name], rng),
                ],
                "log_score_a_user": [round(float(score.mean()), 5), interval(score, rng)],
            }
    result = {
        "dataset": {"name": data.name, "fingerprint": data.fingerprint, "users": data.n_users, "items": data.n_items},
        "protocol": {
            "ahead": options.ahead,
            "users_chosen_on": len(halves[0]),
            "users_asked": len(halves[1]),
            "concepts": len(fitted.vocabulary.concepts),
            "clock": data.clock,
            "seed": options.seed,
            "settings": settings,
        },
        "belief": {
            "scales": fitted.belief.config.scales,
            "widths": fitted.belief.config.widths,
            "temperature": fitted.belief.temperature,
            "weights": dict(fitted.belief.weights),
        },
        "results": found,
        "fit_seconds": round(seconds, 1),
        "penchant": __version__,
        "machine": platform.machine(),
    }
    options.json.write_text(json.dumps(result, indent=2) + "\n")
    for name, row in found.items():
        print(f"{name:18} log loss {row['log_loss']:.4f}  NDCG@5 {row['ndcg@5']:.4f}", end="  ")
        print(f"log score {row['log_score_a_user']:.3f}  coverage {row['coverage']:.3f} {row['coverage_by_tenth']}")


if __name__ == "__main__":
    main()
