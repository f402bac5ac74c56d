"""How often intervals of slates hold the truth, with users who come again: a world drawn anew; see run.sh.

python slate_coverage.py --seeds 3000 --to result-slate-coverage.json
"""

import argparse
import json
from pathlib import Path

import numpy as np

from penchant.evaluation.measuring import environment
from penchant.evaluation.off_policy.estimates import EstimateConfig
from penchant.evaluation.off_policy.replaying import FEATURES, Replayed
from penchant.evaluation.off_policy.slate_estimators import SLATE_ESTIMATORS, estimate_slates
from penchant.evaluation.off_policy.slate_models import cross_fit_slates
from penchant.evaluation.off_policy.slates import LoggedSlates, SlateQuestion

PLACES, CANDIDATES, TASTES, HELD = 4, 8, 3, 400_000
LOGGING, TARGETS = 1.0, (0.6, 0.35, 0.25)
"""Temperatures of what served, and of what is asked about: the lower, the further away"""
SIZES = ((60, 2), (200, 5))
"""Users, and decisions of each"""
NAMES = ("cascade_dr", "reward_interaction_ips")
RESAMPLES = 1000


class World:
    """Scores foresee tastes in part. Users differ in what they like and in how much they click at all, at each of their
    decisions alike; they read from the top, and after a click half of them stop.
    """

    def __init__(self, seed, target):
        rng = np.random.default_rng([seed, 5])
        self.items = rng.normal(size=(TASTES, CANDIDATES))
        self.unforeseen = rng.normal(size=(TASTES, CANDIDATES))
        self.target = target
        slates = self.serve(rng, users=HELD, each=1, temperature=target)
        self.value = float(slates["rewards"].sum(axis=1).mean())

    def serve(self, rng, *, users, each, temperature):
        """Slates of a softmax over scores, place by place, and their clicks."""
        tastes = np.repeat(rng.normal(size=(users, TASTES)), each, axis=0)
        eager = np.repeat(rng.normal(scale=0.7, size=users), each)[:, None]
        n = users * each
        scores = tastes @ self.items / 2 + 0.3 * rng.normal(size=(n, CANDIDATES))
        clicks = 1 / (1 + np.exp(1.2 - eager - scores - tastes @ self.unforeseen / 3))
        keys = scores / temperature + rng.gumbel(size=(n, CANDIDATES))  # the largest first: Plackett and Luce
        order = np.argsort(-keys, axis=1)[:, :PLACES]
        looks, rewards = np.ones(n, dtype=bool), np.zeros((n, PLACES))
        for place in range(PLACES):
            clicked = looks & (rng.random(n) < clicks[np.arange(n), order[:, place]])
            rewards[:, place] = clicked
            looks &= ~(clicked & (rng.random(n) < 0.5))
        return {"scores": scores, "order": order, "rewards": rewards, "users": np.repeat(np.arange(users), each)}


def chances(scores, order, temperature):
    """(N, K, E) p(item | places before)."""
    weights = np.exp(scores / temperature)
    found = np.empty((len(scores), PLACES, CANDIDATES))
    for place in range(PLACES):
        found[:, place] = weights / weights.sum(axis=1, keepdims=True)
        weights[np.arange(len(scores)), order[:, place]] = 0.0
    return found


def asked(slates, temperature, seed):
    """The question that a log puts with the target policy, its reward model cross-fitted."""
    scores, order = slates["scores"], slates["order"]
    rows, places = np.arange(len(scores))[:, None], np.arange(PLACES)
    log = LoggedSlates.of(
        rewards=slates["rewards"],
        propensities=chances(scores, order, LOGGING)[rows, places, order],
        owners=slates["users"],
    )
    target = chances(scores, order, temperature)
    prefixes = np.cumprod(target[rows, places, order], axis=1)
    joint = target * np.concatenate([np.ones((len(scores), 1)), prefixes[:, :-1]], axis=1)[:, :, None]
    features = np.zeros(
        (len(scores), CANDIDATES, len(FEATURES))
    )  # as `features_of` gives them; scores have no variance
    features[..., 0] = 1.0
    features[..., 1] = (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)
    features[..., 3] = np.log1p(np.argsort(np.argsort(-scores, axis=1), axis=1))
    replayed = Replayed(
        prefixes=prefixes, first=target[:, 0], expected=joint @ features, logged=features[rows, order], error=0.0
    )
    predicted, expected = cross_fit_slates(log.rewards, replayed, owners=log.owners, seed=seed)
    return SlateQuestion(log=log, prefixes=prefixes, predicted=predicted, expected=expected)


def covered(worlds, users, each, seeds):
    """What became of the intervals of one size of log."""
    held, errors, worth, refused = {}, {}, [], {}
    for seed in range(seeds):
        world = worlds[seed % len(worlds)]
        log = world.serve(
            np.random.default_rng([seed, users, each, round(100 * world.target)]),
            users=users,
            each=each,
            temperature=LOGGING,
        )
        question = asked(log, world.target, seed)
        for name in NAMES:
            one = estimate_slates(
                question, SLATE_ESTIMATORS.build(name), EstimateConfig(seed=seed, resamples=RESAMPLES)
            )
            if one.value is None:
                refused[name] = refused.get(name, 0) + 1
                continue
            errors.setdefault(name, []).append(one.value - world.value)
            worth.append(one.overlap.effective)
            for kind, (low, high) in one.intervals.items():
                row = float(low <= world.value <= high), float(world.value < low), float(world.value > high), high - low
                held.setdefault(name, {}).setdefault(kind, []).append(row)
    told = ("held", "truth_below", "truth_above", "width")
    return {
        "target_temperature": worlds[0].target,
        "users": users,
        "decisions_of_each": each,
        "refused": refused,
        "effective_sample_size": float(np.mean(worth)),
        "intervals": {
            name: {
                kind: dict(zip(told, np.mean(rows, axis=0).round(4).tolist(), strict=True))
                for kind, rows in kinds.items()
            }
            for name, kinds in held.items()
        },
        "mean_error": {name: float(np.mean(v)) for name, v in errors.items()},
        "standard_deviation": {name: float(np.std(v)) for name, v in errors.items()},
    }


def main():
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3000)
    parser.add_argument("--worlds", type=int, default=10, help="planted worlds; each has its part of the seeds")
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args()
    results = []
    for target in TARGETS:
        worlds = [World(n, target) for n in range(options.worlds)]
        for users, each in SIZES:
            results.append(covered(worlds, users, each, options.seeds))
            print(json.dumps(results[-1], indent=1))
    result = {
        "what": "share of seeds whose 95 % interval holds the policy's value, all places of a slate added up",
        "data": "generated",
        "seeds": options.seeds,
        "worlds": options.worlds,
        "places": PLACES,
        "candidates": CANDIDATES,
        "logging_temperature": LOGGING,
        "resamples": RESAMPLES,
        "results": results,
        "environment": environment(),
    }
    options.to.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


main()
