"""Runs one algorithm of one peer under the peer's own python: ``python peer_main.py REQUEST.json``.

The request names the split's folder, the peer, the algorithm, its settings, the seed, the threads and the longest k;
the answer is a file of lists for each part asked, ``{"user_id", "items", "scores"}`` a line, and ``outcome.json``.
A list is unmasked and holds the K best items plus as many as the user's history has, so that the ranking with and
without the history both follow from it.
"""

import importlib
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from plain_split import PlainSplit, Run

SCORES_AT_ONCE = 12_000_000
LARGEST_BATCH = 512


def main():
    """Read the request, fit, rank, write."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    del sys.argv[1:]  # a library may look for options of its own there
    answers = Path(request["answers"])
    module = importlib.import_module(f"{request['peer']}_peer")
    split = PlainSplit(request["split"])
    run = Run(seed=request["seed"], threads=request["threads"], seconds=request["seconds"])
    run.k = request["k"]
    begun, used = time.perf_counter(), time.process_time()
    rank = module.ALGORITHMS[request["algorithm"]](split, run, **request["settings"])
    fitted, used_to_fit = time.perf_counter(), time.process_time() - used
    for part in request["ask"]:
        write_lists(answers / f"{part}.jsonl", rank, split, split.histories(part), request)
    outcome = {
        "version": version(module.PACKAGE),
        "fit_seconds": fitted - begun,
        "score_seconds": time.perf_counter() - fitted,
        "peak_rss_mb": peak_megabytes(),
        "facts": {
            **run.facts,
            "fit_cpu_seconds": used_to_fit,
            "score_cpu_seconds": time.process_time() - used - used_to_fit,
        },
    }
    (answers / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # nothing that a library left running, such as a pool, may keep the process alive


def write_lists(path, rank, split, histories, request):
    """Histories of like length together, each cut to K plus its own distinct items."""
    rng = np.random.default_rng(request["seed"])
    distinct = np.array([len(np.unique(histories.of(b))) for b in range(len(histories))], dtype=np.int64)
    order = np.argsort(distinct, kind="stable")
    size = max(1, min(LARGEST_BATCH, SCORES_AT_ONCE // max(1, split.n_items)))
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            wanted = request["k"] + distinct[rows]
            items, scores = rank(histories.take(rows), int(wanted.max()), rng)
            for b, n in enumerate(wanted):
                there = items[b, :n] >= 0
                line = {
                    "user_id": split.user_ids[histories.users[rows[b]]],
                    "items": [split.item_ids[i] for i in items[b, :n][there]],
                    "scores": [float(s) for s in scores[b, :n][there]],
                }
                file.write(json.dumps(line) + "\n")


def peak_megabytes():
    """The most memory this process held, None where the system does not say.

    ``ru_maxrss`` would not do: a process started by another begins with the other's peak.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


if __name__ == "__main__":
    main()
