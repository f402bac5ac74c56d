"""Belief updates a second on one thread, given the tracker's part: many users at once, and one event at a time.

    python benchmarks/belief.py [--users 5000] [--events 60] [--out benchmarks/results/belief.json]

Items have eight concepts of 1,024 each, histories that many events. The bytes of a stored profile are told, too.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import penchant
from penchant.interests.belief import Belief, Observation, update
from penchant.interests.belief_step import BeliefConfig
from penchant.interests.tracking import Evidence, ItemConcepts, track

ITEMS, CONCEPTS, PER_ITEM = 12_000, 1_024, 8
OUT = Path(__file__).parent / "results" / "belief.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=5_000)
    parser.add_argument("--events", type=int, default=60)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    columns = np.argsort(rng.random((ITEMS, CONCEPTS)), axis=1)[:, :PER_ITEM].ravel()
    values = np.full(len(columns), PER_ITEM**-0.5)
    activations = sp.csr_array((values, (np.repeat(np.arange(ITEMS), PER_ITEM), columns)), shape=(ITEMS, CONCEPTS))
    items, config = ItemConcepts.of(activations), BeliefConfig()
    n = options.users * options.events
    taken = rng.integers(ITEMS, size=n)
    evidence = Evidence(
        indptr=np.arange(options.users + 1, dtype=np.int64) * options.events,
        concepts=items.concepts[taken],
        activations=items.activations[taken],
        moments=np.tile(np.arange(options.events, dtype=np.float64), options.users),
        log_odds=rng.normal(size=n),
        labels=(rng.random(n) < 0.9).astype(np.float64),
        weights=np.ones(n),
    )
    begun, used = time.perf_counter(), time.process_time()
    beliefs = track(evidence, CONCEPTS, config)
    wall, cpu = time.perf_counter() - begun, time.process_time() - used

    belief, single = Belief.nothing(), []
    for e in range(300):
        seen = Observation(
            concepts=evidence.concepts[e],
            activations=evidence.activations[e],
            log_odds=float(evidence.log_odds[e]),
            label=1.0,
            weight=1.0,
        )
        start = time.perf_counter()
        belief = update(belief, seen, float(e), config)
        single.append(time.perf_counter() - start)
    rows = (beliefs.concepts, beliefs.means, beliefs.covariances, beliefs.at)
    result = {
        "updates": n,
        "concepts_an_item": PER_ITEM,
        "updates_per_second": round(n / wall),
        "updates_per_cpu_second": round(n / cpu),
        "one_at_a_time_p50_ms": round(float(np.median(single)) * 1e3, 3),
        "bytes_of_200_touched_concepts": 200 * sum(array.nbytes // len(array) for array in rows),
        "threads": os.environ.get("OMP_NUM_THREADS", "as set"),
        "load_average": [round(x, 2) for x in os.getloadavg()],
        "python": platform.python_version(),
        "penchant": penchant.__version__,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
