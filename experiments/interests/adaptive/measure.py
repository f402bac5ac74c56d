"""Makes a result file: whether a user's own past foresees which settings of the belief foresee him best.

The last `ahead` events for an item of every user with twice as many are kept back and a model is fitted on the rest.
These events are then asked for one after the other, each given all before it:

    L_ujg = log e^{s_t} / (e^{s_t} + Σ_{j in R} e^{s_j})      of user u, event j, with candidate g

Half of the users choose the one candidate that is best for all, and how frequent each is (π, by expectation
maximisation of a mixture). On the other half, three ways are asked:

- `one for all`: the candidate that was best for the first half.
- `mixture`: log Σ_g π_g e^{L_ujg}, the same for everyone.
- `adaptive`: the same with weights π_g e^{Σ_{i<j} L_uig}, by the user's own events so far (Bayes).

Candidates: `share` (the belief's corrections times 0 to 2), `memory` (its widths and time scales), `certainty`
(the temperature of all scores). `adaptive` less `mixture` is what one's own past tells; reciprocal ranks are those of
the likeliest candidate's order against that of one for all.

    python measure.py --data DATASET --config config.toml --name books --ahead 10 --json books.json
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import logsumexp

from penchant.config import read_toml
from penchant.data.folder import load_dataset
from penchant.data.polarity import polarity
from penchant.evaluation.measuring import environment
from penchant.interests.belief_step import BeliefConfig
from penchant.interests.tracking import Evidence, ItemConcepts, against_reference, track
from penchant.metrics.significance import bootstrap_intervals, by_user
from penchant.pipeline.belief_fitting import reading_of
from penchant.pipeline.beliefs import moments_of, states_at
from penchant.pipeline.fitting import Fitted, InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.seeding import numpy_rng

SHARES = (0.0, 0.5, 1.0, 1.5, 2.0)
CERTAINTIES = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)
WIDTHS = ((0.1, 0.1), (0.5, 0.1), (3.0, 0.1), (3.0, 0.5))
SCALES = ((0.3, 0.5), (1.0, 1.0), (3.0, 2.0))
"""Times the fitted ones"""
LAST = 60


def split(data, ahead: int):
    """The events for an item alone; which of them are to learn from; the users asked."""
    histories = data.histories()
    liked = np.isin(data.events.keys, histories.keys[polarity(histories, data) > 0])
    data = data.select(liked)
    lengths = data.histories().lengths
    asked = np.flatnonzero(lengths >= 2 * ahead)
    place = np.arange(len(data.events)) - data.histories().indptr[:-1][data.events.users]
    kept = np.isin(data.events.users, asked) & (place >= lengths[data.events.users] - ahead)
    return data, data.select(~kept), asked


class Asked:
    """Events that are asked for one after the other, of B users."""

    def __init__(self, fitted: Fitted, data, users: np.ndarray, ahead: int) -> None:
        self.fitted, self.ahead = fitted, ahead
        whole = data.histories()
        lengths = whole.lengths[users]
        begin = np.maximum(lengths - ahead - LAST, 0)
        self.read = whole.between(users, begin, lengths)
        reading, tracker = reading_of(data), fitted.model.tracker
        owners = np.repeat(np.arange(len(self.read)), self.read.lengths)
        places = np.arange(len(self.read.items)) - self.read.indptr[:-1][owners]
        self.before = states_at(self.read, reading.consumed(self.read), tracker, owners, places)
        self.moments = moments_of(self.read, begin, timed=reading.timed)
        self.items = ItemConcepts.of(fitted.vocabulary.activations)
        vectors, belief = tracker.item_vectors, fitted.belief
        self.odds = against_reference(
            belief.temperature * self.before, vectors[self.read.items], vectors[belief.reference]
        )

    def asked(self, j: int) -> np.ndarray:
        """Where the j-th event that is asked for is, of each user."""
        return self.read.indptr[1:] - self.ahead + j

    def plain(self, j: int) -> np.ndarray:
        """κ u·z of the item taken, then of the reference, (B, 1 + R)."""
        targets, belief = self.asked(j), self.fitted.belief
        vectors, states = self.fitted.model.tracker.item_vectors, self.before[targets]
        own = np.einsum("bd,bd->b", states, vectors[self.read.items[targets]])
        scores = np.concatenate([own[:, None], states @ vectors[belief.reference].T], axis=1)
        return belief.temperature * scores.astype(np.float64)

    def added(self, j: int, config: BeliefConfig, weight: float) -> np.ndarray:
        """What the belief after all events before the j-th adds to them, (B, 1 + R)."""
        targets, fitted = self.asked(j), self.fitted
        owners = np.repeat(np.arange(len(self.read)), self.read.lengths)
        kept = np.arange(len(self.read.items)) < targets[owners]
        history = self.read.keep(kept)
        beliefs = track(
            Evidence(
                indptr=history.indptr,
                concepts=self.items.concepts[history.items],
                activations=self.items.activations[history.items],
                moments=self.moments[kept],
                log_odds=self.odds[kept],
                labels=np.ones(kept.sum()),
                weights=np.full(kept.sum(), weight),
            ),
            self.items.n_concepts,
            config,
        )
        now = np.repeat(self.moments[targets], np.diff(beliefs.indptr))
        fade = np.exp(-np.maximum(now - beliefs.at, 0.0)[:, None] / np.asarray(config.scales))
        shape = (len(targets), self.items.n_concepts)
        corrections = sp.csr_array(((beliefs.means * fade).sum(axis=1), beliefs.concepts, beliefs.indptr), shape=shape)
        activations = fitted.vocabulary.activations
        own = np.asarray((corrections * activations[self.read.items[targets]]).sum(axis=1)).reshape(-1, 1)
        others = np.asarray((corrections @ activations[fitted.belief.reference].T).todense())
        return np.concatenate([own, others], axis=1)


def told_of(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood and reciprocal rank of what was taken, (B,) each."""
    likely = scores[:, 0] - logsumexp(scores, axis=1)
    return likely, 1.0 / (1 + (scores[:, 1:] > scores[:, :1]).sum(axis=1))


def candidates(asked: Asked) -> dict[str, tuple[list[str], np.ndarray, np.ndarray]]:
    """Of each family the candidates' names, L (B, ahead, G) and reciprocal ranks."""
    fitted = asked.fitted.belief
    weight = 1.0  # a belief that the fit switched off is asked too
    found: dict[str, list[list[tuple[str, np.ndarray, np.ndarray]]]] = {"share": [], "memory": [], "certainty": []}
    for j in range(asked.ahead):
        plain, added = asked.plain(j), asked.added(j, fitted.config, weight)
        found["share"].append([(f"{g:g}", *told_of(plain + g * added)) for g in SHARES])
        found["certainty"].append([(f"{c:g}", *told_of(c * (plain + added))) for c in CERTAINTIES])
        row = []
        for widths in WIDTHS:
            for short, long in SCALES:
                scales = (fitted.config.scales[0] * short, fitted.config.scales[1] * long)
                config = BeliefConfig(scales=scales, widths=widths)
                name = f"widths {widths[0]:g}, {widths[1]:g}; scales {scales[0]:.3g}, {scales[1]:.3g}"
                row.append((name, *told_of(plain + asked.added(j, config, weight))))
        found["memory"].append(row)
        print("asked", j + 1, flush=True)
    return {
        family: (
            [name for name, _, _ in rows[0]],
            np.stack([np.stack([likely for _, likely, _ in row], axis=1) for row in rows], axis=1),
            np.stack([np.stack([rank for _, _, rank in row], axis=1) for row in rows], axis=1),
        )
        for family, rows in found.items()
    }


def frequencies(likely_BJG: np.ndarray, rounds: int = 200) -> np.ndarray:
    """π, (G,), under which the users' events are likeliest, each user being of one candidate throughout."""
    sums = likely_BJG.sum(axis=1)
    share = np.full(sums.shape[1], 1 / sums.shape[1])
    for _ in range(rounds):
        odds = sums + np.log(np.maximum(share, 1e-300))
        share = np.exp(odds - logsumexp(odds, axis=1, keepdims=True)).mean(axis=0)
    return share


def compared(likely: np.ndarray, ranks: np.ndarray, choosing: np.ndarray, names: list[str]) -> dict[str, Any]:
    """The three ways on the users who do not choose."""
    best = int(likely[choosing].mean(axis=(0, 1)).argmax())
    share = frequencies(likely[choosing])
    mine, order = likely[~choosing], ranks[~choosing]
    prior = np.log(np.maximum(share, 1e-300))
    past = np.cumsum(mine, axis=1) - mine
    weights = prior + past
    weights -= logsumexp(weights, axis=2, keepdims=True)
    ways = {
        "one for all": mine[:, :, best],
        "mixture": logsumexp(prior + mine, axis=2),
        "adaptive": logsumexp(weights + mine, axis=2),
    }
    likeliest = np.take_along_axis(order, weights.argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    return {
        "one_for_all": names[best],
        "frequencies": dict(zip(names, np.round(share, 4).tolist(), strict=True)),
        "log_loss": {way: float(-values.mean()) for way, values in ways.items()},
        "adaptive_gains_on_one_for_all": interval(ways["adaptive"] - ways["one for all"]),
        "adaptive_gains_on_mixture": interval(ways["adaptive"] - ways["mixture"]),
        "reciprocal_rank": {"one for all": float(order[:, :, best].mean()), "adaptive": float(likeliest.mean())},
        "reciprocal_rank_gain": interval(likeliest - order[:, :, best]),
    }


def interval(gains_BJ: np.ndarray) -> dict[str, float]:
    """The mean with its 95 % interval, users drawn again."""
    means = gains_BJ.mean(axis=1)
    (low,), (high,) = bootstrap_intervals(by_user(means[:, None], np.arange(len(means))), seed=0)
    return {"value": float(means.mean()), "low": float(low), "high": float(high)}


def main() -> None:
    """Measure one dataset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--ahead", type=int, default=10)
    parser.add_argument("--users", type=int, default=1_500, help="Asked, at most.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    whole = load_dataset(options.data)
    data, train, users = split(whole, options.ahead)
    settings: dict[str, Any] = dict(read_toml(options.config)[options.name])
    began = time.process_time()
    fitted = InterestModel(config=InterestModelConfig.of(settings), seed=options.seed).fit(train).fitted
    seconds = time.process_time() - began
    print("fitted", round(seconds), fitted.belief.config, fitted.belief.temperature, flush=True)
    rng = numpy_rng(options.seed, "adaptive")
    users = np.sort(rng.permutation(users)[: options.users])
    choosing = np.zeros(len(users), dtype=bool)
    choosing[rng.permutation(len(users))[: len(users) // 2]] = True
    families = candidates(Asked(fitted, data, users, options.ahead))
    result = {
        "dataset": {"name": whole.name, "fingerprint": whole.fingerprint, "users": whole.n_users},
        "protocol": {
            "ahead": options.ahead,
            "users_choosing": int(choosing.sum()),
            "users_asked": int((~choosing).sum()),
            "clock": whole.clock,
            "seed": options.seed,
            "settings": settings,
        },
        "belief": {
            "scales": fitted.belief.config.scales,
            "widths": fitted.belief.config.widths,
            "temperature": fitted.belief.temperature,
            "weights": dict(fitted.belief.weights),
        },
        "results": {
            family: compared(likely, ranks, choosing, names) for family, (names, likely, ranks) in families.items()
        },
        "fit_seconds": round(seconds, 1),
        "machine": environment(),
    }
    options.json.write_text(json.dumps(result, indent=2) + "\n")
    for family, found in result["results"].items():
        print(
            family,
            found["log_loss"],
            found["adaptive_gains_on_one_for_all"],
            found["adaptive_gains_on_mixture"],
            found["reciprocal_rank_gain"],
        )


if __name__ == "__main__":
    main()
