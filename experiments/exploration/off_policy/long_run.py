"""REINFORCE from logged sessions against greedy, in a small world where what pleases at once tires; see run.sh.

    python long_run.py --seeds 10 --to result-long-run.json

Two items, five steps, energy in [0, 1] from 1 on. Bait is clicked with 0.3 + 0.4 energy and costs 0.3 energy; variety
with 0.2 + 0.4 energy and restores 0.3. Always bait, the greedy policy, earns 2.38 clicks a session.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from penchant.evaluation.measuring import environment
from penchant.evaluation.off_policy.estimates import EstimateConfig
from penchant.evaluation.off_policy.learning.reinforce import LoggedSessions, learn_sessions, sessions_question
from penchant.evaluation.off_policy.slate_estimators import SlateRewardInteraction, estimate_slates

STEPS, SESSIONS = 5, 3000


def state_of(energy, step):
    """What a policy sees."""
    return np.stack([energy, np.full(len(energy), step == STEPS - 1)], axis=1).astype(float)


def clicked(energy, action):
    """Probability of a click."""
    return 0.2 + 0.4 * energy + 0.1 * (action == 0)


def after(energy, action):
    """Energy after a step."""
    return np.clip(energy + np.where(action == 0, -0.3, 0.3), 0.0, 1.0)


def play(rng):
    """Sessions of a policy that tosses a coin."""
    energy, parts = np.ones(SESSIONS), []
    for step in range(STEPS):
        action = rng.integers(0, 2, size=SESSIONS)
        parts.append((state_of(energy, step), action, (rng.random(SESSIONS) < clicked(energy, action)).astype(float)))
        energy = after(energy, action)
    states, actions, rewards = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
    chances = np.full(actions.shape, 0.5)
    return LoggedSessions(states=states, actions=actions, rewards=rewards, propensities=chances, n_actions=2)


def value(choose):
    """Expected clicks of a session, over all sequences of actions."""
    total, reached = 0.0, [(1.0, 1.0)]
    for step in range(STEPS):
        ahead = []
        for chance, energy in reached:
            pi = choose(state_of(np.array([energy]), step))[0]
            for action in range(2):
                total += chance * pi[action] * float(clicked(energy, action))
                ahead.append((chance * pi[action], float(after(energy, action))))
        reached = ahead
    return float(total)


def main():
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--to", type=Path, required=True)
    asked = parser.parse_args()
    greedy = value(lambda states: np.tile([1.0, 0.0], (len(states), 1)))
    runs = []
    for seed in range(asked.seeds):
        rng = np.random.default_rng(seed)
        policy = learn_sessions(play(rng))
        held = play(rng)
        question = sessions_question(held, policy.probabilities(held.states))
        found = estimate_slates(question, SlateRewardInteraction(), EstimateConfig(seed=seed))
        runs.append(
            {
                "seed": seed,
                "value": value(policy.probabilities),
                "estimate": found.value,
                "interval": found.intervals["bootstrap"],
                "effective_sample_size": found.overlap.effective,
            }
        )
    result = {
        "what": "expected clicks of a session under the learned policy, and what a second log says of it",
        "data": "generated",
        "seeds": asked.seeds,
        "sessions": SESSIONS,
        "greedy": greedy,
        "coin": value(lambda states: np.full((len(states), 2), 0.5)),
        "learned_mean": float(np.mean([run["value"] for run in runs])),
        "over_greedy": float(np.mean([run["value"] for run in runs]) / greedy - 1),
        "intervals_that_hold_the_value": sum(
            int(run["interval"][0] <= run["value"] <= run["interval"][1]) for run in runs
        ),
        "intervals_above_greedy": sum(int(run["interval"][0] > greedy) for run in runs),
        "runs": runs,
        "environment": environment(),
    }
    asked.to.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps({name: result[name] for name in list(result)[2:10]}, indent=1))


main()
