"""Policies in a world replayed from real ratings: what each finds of what users liked, against greedy.

python measure.py --data DATASET --json result.json
"""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.evaluation.measuring import environment
from penchant.evaluation.simulation.loop import LoopConfig, Oracle, Run, run
from penchant.evaluation.simulation.measures import found_concepts, measure
from penchant.evaluation.simulation.recommender import SimulatedConfig, SimulatedRecommender
from penchant.evaluation.simulation.replay import ReplayConfig, ReplayWorld, labelled
from penchant.seeding import numpy_rng

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "simulator"))
from batched import Batched, config_of  # noqa: E402


def played(data: Dataset, settings: dict, simulator: dict, name: str, seed: int) -> Run:
    """One run of a policy; luck is of the seed."""
    world = ReplayWorld(data, labelled(data, settings["column"]), ReplayConfig.of(settings["world"]), seed=0)
    loop = LoopConfig(rounds=settings["horizon"], slate=settings["slate"])
    if name == "oracle":
        return run(world, Oracle(world), loop)
    made = SimulatedRecommender(world.catalogue, SimulatedConfig.of(simulator["recommender"]), slate=loop.slate)
    chooser = Batched(made, config_of(simulator["policies"][name]), rng=numpy_rng(seed, "policy"))
    return run(world, chooser, loop)


def of_users(runs: list[Run]) -> dict[str, np.ndarray]:
    """Of each user, the mean over runs: liked items shown, in all and in the first and last third; new concepts."""
    third = len(runs[0].engaged) // 3

    def mean(read) -> np.ndarray:
        return np.mean([read(one) for one in runs], axis=0)

    return {
        "liked": mean(lambda one: one.engaged.sum(axis=(0, 2))),
        "first third": mean(lambda one: one.engaged[:third].sum(axis=(0, 2))),
        "last third": mean(lambda one: one.engaged[-third:].sum(axis=(0, 2))),
        "new concepts": mean(lambda one: found_concepts(one).sum(axis=1)),
    }


def against(ours: dict, theirs: dict, draws: np.ndarray) -> dict[str, dict]:
    """Relative differences of totals, with bootstrap intervals over users."""
    told = {}
    for name, values in ours.items():
        base = theirs[name]
        if base.sum() == 0:
            continue
        resampled = values[draws].sum(axis=1) / base[draws].sum(axis=1) - 1.0
        low, high = np.quantile(resampled, [0.025, 0.975])
        told[name] = {"mean": float(values.sum() / base.sum() - 1.0), "interval": [float(low), float(high)]}
    return told


def main() -> None:
    """Run it all, and write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    settings = read_toml(HERE / "config.toml")
    simulator = read_toml(HERE.parent / "simulator" / "config.toml")
    data, start = Dataset.load(options.data), time.perf_counter()
    found, rows = {}, {}
    for name in ["oracle", *simulator["policies"]]:
        runs = [
            played(data, settings, simulator, name, seed)
            for seed in settings["seeds"][: 1 if name in {"oracle", "greedy"} else None]
        ]
        found[name] = of_users(runs)
        table = [dataclasses.asdict(measure(one)) for one in runs]
        rows[name] = {
            key: None
            if any(row[key] is None for row in table)
            else np.mean([row[key] for row in table], axis=0).tolist()
            for key in table[0]
        }
        print(name, round(rows[name]["reward"]), round(rows[name]["exploration_share"], 3), flush=True)
    users = len(found["greedy"]["liked"])
    draws = numpy_rng(0, "users").integers(users, size=(settings["resamples"], users))
    for name in simulator["policies"]:
        if name != "greedy":
            rows[name]["against greedy"] = against(found[name], found["greedy"], draws)
    world = ReplayWorld(data, labelled(data, settings["column"]), ReplayConfig.of(settings["world"]), seed=0)
    result = {
        "dataset": {"name": data.name, "fingerprint": data.fingerprint},
        "world": {
            "users": users,
            "items": data.n_items,
            "open": int(world.available(0).sum()),
            "liked": int(world.appeal(0).sum()),
            "shown": users * settings["horizon"] * settings["slate"],
        },
        "settings": {**settings, "recommender": simulator["recommender"], "policies": simulator["policies"]},
        "policies": rows,
        "seconds": time.perf_counter() - start,
        "environment": environment(),
    }
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
