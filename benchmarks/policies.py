"""Milliseconds of one slate of 20 from 500 candidates, for every policy over beliefs and every bandit that learns.

    python benchmarks/policies.py [--slates 200] [--rounds 5] [--out benchmarks/results/policies.json]

From the candidates, or the context, to the slate and its probabilities: the draw, 20 places, each with its conditional
probability; one thread. Bandits have 500 arms, 16 features where they take any, and have learned from 3,000 rewards.
Told are processor milliseconds of the thread, which depend little on how busy the machine is, and wall milliseconds
beside them: percentiles over the slates of a round, and of those the median over rounds, in each of which everything
has its turn. The last row is the Monte Carlo estimate of marginal probabilities, which is not for requests.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy.sparse as sp

import penchant
from penchant.exploration.learning.bandit import Bandit, Pull
from penchant.exploration.learning.catalogue import BANDITS
from penchant.exploration.policies.catalogue import POLICIES
from penchant.exploration.policies.marginals import marginals
from penchant.exploration.slate import Choice, choose
from penchant.interfaces import Arms, Policy
from penchant.types import DoubleArray

CANDIDATES, CONCEPTS, ACTIVE, PLACES, FEATURES, LEARNED = 500, 300, 8, 20, 16, 3000
OUT = Path(__file__).parent / "results" / "policies.json"


def candidates(seed: int = 0) -> Arms:
    """Candidates of 8 concepts each, out of 300."""
    rng = np.random.default_rng(seed)
    columns = np.concatenate([rng.choice(CONCEPTS, ACTIVE, replace=False) for _ in range(CANDIDATES)])
    starts = np.arange(0, CANDIDATES * ACTIVE + 1, ACTIVE)
    return Arms(
        items=np.arange(CANDIDATES, dtype=np.int32),
        means=rng.normal(size=CANDIDATES),
        loadings=sp.csr_array((rng.random(len(columns)), columns, starts), shape=(CANDIDATES, CONCEPTS)),
        concept_variances=0.1 * rng.random(CONCEPTS),
        item_variances=0.1 * rng.random(CANDIDATES),
        ties=rng.permutation(CANDIDATES).astype(np.int32),
    )


def timed(call: Callable[[np.random.Generator], object], times: int) -> dict[str, float]:
    """Percentiles, in milliseconds; the first twentieth is a warm-up."""
    thread, wall = np.empty((2, times))
    for n in range(-times // 20, times):
        rng = np.random.default_rng(n + times)
        begun = time.thread_time(), time.perf_counter()
        call(rng)
        if n >= 0:
            thread[n], wall[n] = time.thread_time() - begun[0], time.perf_counter() - begun[1]
    clocks = (("cpu", thread), ("wall", wall))
    return {f"{name}_p{q}_ms": round(float(np.percentile(t, q)) * 1e3, 3) for name, t in clocks for q in (50, 99)}


def learned(name: str, seed: int = 0) -> Bandit:
    """A bandit after random arms earned clicks, at a rate of each arm's own that rises with one feature."""
    rng = np.random.default_rng(seed)
    takes_features = "features" in BANDITS[name].config.model_fields
    bandit = BANDITS.build(name, {"features": FEATURES} if takes_features else {})
    for n in range(CANDIDATES):
        bandit.add(str(n))
    rates = 0.1 + 0.3 * rng.random(CANDIDATES)
    for n in rng.integers(CANDIDATES, size=LEARNED).tolist():
        context = rng.normal(size=FEATURES)
        reward = float(rng.random() < rates[n] + 0.1 * np.tanh(context[0]))
        bandit.update(context, str(n), reward, propensity=1 / CANDIDATES)
    return bandit


def _slate(policy: Policy, arms: Arms, rng: np.random.Generator) -> Choice:
    return choose(policy, arms, PLACES, rng=rng)


def _bandit_slate(bandit: Bandit, context: DoubleArray, rng: np.random.Generator) -> tuple[Pull, ...]:
    return bandit.choose_slate(context, k=PLACES, rng=rng)


def rounds_of(
    calls: Mapping[str, Callable[[np.random.Generator], object]], slates: int, rounds: int
) -> dict[str, dict[str, float]]:
    """Medians over rounds of each call's percentiles."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].append(timed(call, slates))
    return {
        name: {key: round(float(np.median([one[key] for one in told])), 3) for key in told[0]}
        for name, told in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slates", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    arms = candidates()
    context = np.random.default_rng(1).normal(size=FEATURES)
    policies = {name: partial(_slate, POLICIES.build(name), arms) for name in POLICIES}
    bandits = {name: partial(_bandit_slate, learned(name), context) for name in BANDITS}
    times = rounds_of(policies, options.slates, options.rounds)
    learners = rounds_of(bandits, options.slates, options.rounds)
    logging = POLICIES.build("thompson_plackett_luce")
    estimate = timed(lambda rng: marginals(logging, arms, PLACES, rng=rng, draws=100), 10)
    result = {
        "candidates": CANDIDATES,
        "concepts": CONCEPTS,
        "places": PLACES,
        "slates": options.slates,
        "rounds": options.rounds,
        "policies": times,
        "bandit_arms": CANDIDATES,
        "bandit_features": FEATURES,
        "bandit_rewards": LEARNED,
        "bandits": learners,
        "marginals_of_100_draws": estimate,
        "threads": os.environ["OMP_NUM_THREADS"],
        "load_average": [round(x, 2) for x in os.getloadavg()],
        "cpus": os.cpu_count(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "penchant": penchant.__version__,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
