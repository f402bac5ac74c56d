"""Milliseconds of one slate of 20 from 500 candidates with beliefs, for every policy.

    python benchmarks/policies.py [--slates 2000] [--out benchmarks/results/policies.json]

From the candidates to the slate and its probabilities: the draw, 20 places, each with its conditional probability; one
thread. Told are processor milliseconds of the thread, which depend little on how busy the machine is, and wall
milliseconds beside them. The last row is the Monte Carlo estimate of marginal probabilities, which is not for requests.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy.sparse as sp

import penchant
from penchant.exploration.policies.catalogue import POLICIES
from penchant.exploration.policies.marginals import marginals
from penchant.exploration.slate import Choice, choose
from penchant.interfaces import Arms, Policy

CANDIDATES, CONCEPTS, ACTIVE, PLACES = 500, 300, 8, 20
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


def _slate(policy: Policy, arms: Arms, rng: np.random.Generator) -> Choice:
    return choose(policy, arms, PLACES, rng=rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slates", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    arms = candidates()
    times = {}
    for name in POLICIES:
        policy = POLICIES.build(name)
        times[name] = timed(partial(_slate, policy, arms), options.slates)
    logging = POLICIES.build("thompson_plackett_luce")
    estimate = timed(lambda rng: marginals(logging, arms, PLACES, rng=rng, draws=100), 10)
    result = {
        "candidates": CANDIDATES,
        "concepts": CONCEPTS,
        "places": PLACES,
        "slates": options.slates,
        "policies": times,
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
