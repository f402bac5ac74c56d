"""How often intervals hold the truth: a small world drawn anew for every seed; see run.sh.

python coverage.py --seeds 1000 --to result-coverage.json
"""

import argparse
import json
from pathlib import Path

import numpy as np

from penchant.evaluation.measuring import environment
from penchant.evaluation.off_policy.catalogue import ESTIMATORS
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.evaluation.off_policy.estimates import EstimateConfig, estimate
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.reward_models import LogisticModel, cross_fit
from penchant.evaluation.off_policy.selection import chosen_estimate

ROUNDS, ACTIONS, FEATURES, HELD = 1000, 5, 3, 400_000
UNBIASED = ("ips", "snips", "dr", "sndr")
BIASED = ("clipped_ips", "switch_dr", "dr_os", "dm")


def chances(scores, temperature):
    """Softmax."""
    soft = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    return soft / soft.sum(axis=1, keepdims=True)


class World:
    """Contexts are normal; a click is logistic in them, otherwise for each action."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.effects = rng.normal(size=(FEATURES, ACTIONS))
        self.logging, self.target = rng.normal(size=(2, FEATURES, ACTIONS))
        context = rng.normal(size=(HELD, FEATURES))
        self.value = float((chances(context @ self.target, 1.0) * self.clicks(context)).sum(axis=1).mean())

    def clicks(self, context):
        """Probabilities of a click."""
        return 1 / (1 + np.exp(-(context @ self.effects - 0.5)))

    def log(self, rng):
        """A log, and what the target does on it."""
        context = rng.normal(size=(ROUNDS, FEATURES))
        logging = 0.2 / ACTIONS + 0.8 * chances(context @ self.logging, 1.5)
        actions = (logging.cumsum(axis=1) > rng.random((ROUNDS, 1))).argmax(axis=1)
        at = np.arange(ROUNDS), actions
        rewards = (rng.random(ROUNDS) < self.clicks(context)[at]).astype(float)
        log = LoggedBandit.of(
            actions=actions,
            rewards=rewards,
            propensities=logging[at],
            n_actions=ACTIONS,
            logging=logging,
            context=context,
        )
        return log, chances(context @ self.target, 1.0)


def main():
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--worlds", type=int, default=10, help="planted worlds; each has its part of the seeds")
    parser.add_argument("--to", type=Path, required=True)
    asked = parser.parse_args()
    worlds = [World(n) for n in range(asked.worlds)]
    held, widths, given = {}, {}, {}
    for seed in range(asked.seeds):
        world = worlds[seed % asked.worlds]
        log, target = world.log(np.random.default_rng([seed, 77]))
        question = Question(
            log=log, target=target, predicted=cross_fit(log, LogisticModel(), seed=seed), rewards=(0.0, 1.0)
        )
        config = EstimateConfig(seed=seed, resamples=500)
        found = {name: estimate(question, ESTIMATORS.build(name), config) for name in (*UNBIASED, *BIASED)}
        found["chosen"] = chosen_estimate(question, config)
        for name, one in found.items():
            if one.value is None:
                continue
            given[name] = given.get(name, 0) + 1
            for kind, (low, high) in one.intervals.items():
                held.setdefault(name, {}).setdefault(kind, []).append(bool(low <= world.value <= high))
                widths.setdefault(name, {}).setdefault(kind, []).append(high - low)
    result = {
        "what": "share of seeds whose 95 % interval holds the policy's value, and the intervals' mean width",
        "data": "generated",
        "seeds": asked.seeds,
        "worlds": asked.worlds,
        "rounds": ROUNDS,
        "actions": ACTIONS,
        "estimates_given": given,
        "coverage": {name: {kind: float(np.mean(v)) for kind, v in kinds.items()} for name, kinds in held.items()},
        "width": {name: {kind: float(np.mean(v)) for kind, v in kinds.items()} for name, kinds in widths.items()},
        "unbiased": [*UNBIASED, "chosen"],
        "environment": environment(),
    }
    asked.to.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(result["coverage"], indent=1))


main()
