"""Contextual bandits made from classification data and the wheel: our bandits beside MABWiser's and Vowpal Wabbit's.

    python measure.py [--worlds wine digits] --environments DIR [--out result.json]

A round shows one row of the data, an arm is a class, the reward 1 where it is the row's own; the wheel (Riquelme et
al. 2018) is generated. The number told is **regret relative to uniform**: what the policy lost against the best arm of
each round, over what uniform choice loses on average: 0 is perfect, 1 is chance. Each policy has the same number of
settings, tried on worlds of seeds of their own; the best is played on the worlds of all seeds. Rewards are told after
each batch.

DIR holds an environment for each peer, ``DIR/mabwiser`` and ``DIR/vowpalwabbit`` (`pip install mabwiser==2.7.4` and
`pip install vowpalwabbit==9.11.9 numpy`). Worlds already in the result file are kept.
"""

import argparse
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from sklearn import datasets

from penchant.config import read_toml
from penchant.evaluation.measuring import environment
from penchant.evaluation.peers.child import run_child
from penchant.seeding import numpy_rng

HERE = Path(__file__).parent
LIBRARIES = ("penchant", "mabwiser", "vowpalwabbit")
LOADERS = {"wine": datasets.load_wine, "breast_cancer": datasets.load_breast_cancer, "digits": datasets.load_digits}


def world(name: str, seed: int, config: dict[str, Any]) -> dict[str, np.ndarray]:
    """Contexts (T, D), rewards (T, A) and the expected rewards by which regret is told, in [0, 1]."""
    rng, rounds = numpy_rng(seed, "bandit world", name), config["rounds"][name]
    if name == "wheel":
        return wheel(rng, rounds, **config["wheel"])
    X, y = LOADERS[name](return_X_y=True)
    order = rng.permutation(len(X))[:rounds]
    X = X / 16.0 if name == "digits" else (X - X.mean(axis=0)) / X.std(axis=0)
    rewards = (y[order, None] == np.arange(y.max() + 1)).astype(float)
    return {"contexts": X[order], "rewards": rewards, "expected": rewards}


def wheel(
    rng: np.random.Generator, rounds: int, *, delta: float, noise: float, small: list[float], large: float
) -> dict[str, np.ndarray]:
    """Points of the unit disc; arm 0 is safe, and beyond radius δ the arm of the point's quadrant earns much more."""
    radius, angle = np.sqrt(rng.random(rounds)), rng.random(rounds) * 2.0 * np.pi
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    expected = np.full((rounds, 5), small[1])
    expected[:, 0] = small[0]
    beyond = np.flatnonzero(radius > delta)
    quadrant = 1 + 2 * (points[beyond, 0] < 0) + (points[beyond, 1] < 0)
    expected[beyond, quadrant] = large
    rewards = expected + noise * rng.standard_normal(expected.shape)
    return {"contexts": points, "rewards": rewards / large, "expected": expected / large}


def regret(made: dict[str, np.ndarray], pulled: list[int]) -> float:
    """Relative to uniform."""
    expected = made["expected"]
    best, mean = expected.max(axis=1), expected.mean(axis=1)
    return float((best - expected[np.arange(len(pulled)), pulled]).sum() / (best - mean).sum())


def written(name: str, seed: int, config: dict[str, Any], folder: Path) -> tuple[dict[str, np.ndarray], str]:
    """A world, and the file that players read it from."""
    made, path = world(name, seed, config), folder / f"{name}-{seed}.npz"
    if not path.exists():
        np.savez(path, contexts=made["contexts"], rewards=made["rewards"], seed=seed)
    return made, str(path)


def scaled(settings: dict[str, Any], made: dict[str, np.ndarray]) -> dict[str, Any]:
    """Bandwidths in the features' unit."""
    if "bandwidth" not in settings:
        return settings
    rows = made["contexts"][:200]
    distances = np.sqrt(np.square(rows[:, None] - rows[None]).sum(axis=2))
    return {**settings, "bandwidth": settings["bandwidth"] * float(np.median(distances[distances > 0]))}


def play(
    library: str,
    plays: list[tuple[str, dict[str, Any], int]],
    name: str,
    config: dict[str, Any],
    python: str,
    folder: Path,
) -> list[tuple[float, float]]:
    """Regret and processor seconds of each play, (policy, settings, seed), in one process of the library's python."""
    made = {seed: written(name, seed, config, folder) for _, _, seed in plays}
    asked = [
        {"policy": policy, "settings": scaled(settings, made[seed][0]), "world": made[seed][1]}
        for policy, settings, seed in plays
    ]
    request, answer, log = (
        folder / f"{library}-{plays[0][0]}-{name}.{part}" for part in ("request.json", "answer.json", "log")
    )
    request.write_text(json.dumps({"library": library, "batch": config["batch"], "plays": asked}))
    answer.unlink(missing_ok=True)
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    ended = run_child(
        [python, str(HERE / "players.py"), str(request), str(answer)],
        folder=folder,
        log=log,
        environment={"PATH": os.environ["PATH"], "OMP_WAIT_POLICY": "PASSIVE", **one},
        limit_seconds=60.0 * config["minutes"],
    )
    if ended.code != 0 or not answer.exists():
        raise SystemExit(f"{library} on {name}: {ended.how}\n{ended.last_lines}")
    found = json.loads(answer.read_text())["plays"]
    return [
        (regret(made[seed][0], one["pulled"]), one["cpu_seconds"])
        for (_, _, seed), one in zip(plays, found, strict=True)
    ]


def teams(name: str, config: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The policies that play a world, by the process they play in: each of ours, and each peer's together."""
    n = config["tried"][name]
    playing = [{**p, "settings": p["settings"][:n]} for p in config["policies"] if name not in p.get("not_on", [])]
    own = [("penchant", [p]) for p in playing if p["library"] == "penchant"]
    return own + [(library, [p for p in playing if p["library"] == library]) for library in LIBRARIES[1:]]


def measured(
    name: str, library: str, policies: list[dict[str, Any]], config: dict[str, Any], python: str, folder: Path
) -> list[dict[str, Any]]:
    """A row for each of some policies of a library: tuned, then played on all seeds."""
    tuning = [(p["policy"], s, seed) for p in policies for s in p["settings"] for seed in config["tuning_seeds"]]
    tried = [found for found, _ in play(library, tuning, name, config, python, folder)]
    n = len(config["tuning_seeds"])
    rows, plays = [], []
    for p in policies:
        means = [float(np.mean([tried.pop(0) for _ in range(n)])) for _ in p["settings"]]
        chosen = p["settings"][int(np.argmin(means))]
        rows.append(
            {"library": library, "policy": p["policy"], "settings": chosen, "tuning": [round(m, 4) for m in means]}
        )
        plays += [(p["policy"], chosen, seed) for seed in range(config["seeds"])]
    found = play(library, plays, name, config, python, folder)
    for row in rows:
        own = [found.pop(0) for _ in range(config["seeds"])]
        regrets = np.array([value for value, _ in own])
        low, high = interval(regrets)
        row["regret"] = round(float(regrets.mean()), 4)
        row["interval"] = [round(low, 4), round(high, 4)]
        row["cpu_seconds"] = round(float(np.mean([seconds for _, seconds in own])), 3)
        row["by_seed"] = [round(float(value), 4) for value in regrets]
        print(name, library, row["policy"], row["settings"], row["regret"], row["interval"], flush=True)
    return rows


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean by Student's t."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def verdict(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Ours, chosen by tuning, beside each peer's policy chosen by tuning, and beside the peers' best on the seeds told;
    and ours that is best on them beside that one, which is chosen by looking on both sides.
    """
    ours = min((r for r in rows if r["library"] == "penchant"), key=lambda r: min(r["tuning"]))
    peers = [r for r in rows if r["library"] != "penchant"]
    found: dict[str, Any] = {"ours": ours["policy"]}
    best_peer = min(peers, key=lambda r: r["regret"])
    best_of_ours = min((r for r in rows if r["library"] == "penchant"), key=lambda r: r["regret"])
    tuned = {
        lib: min((r for r in peers if r["library"] == lib), key=lambda r: min(r["tuning"])) for lib in LIBRARIES[1:]
    }
    pairs = {
        **{library: (ours, row) for library, row in tuned.items()},
        "best_peer_in_hindsight": (ours, best_peer),
        "both_in_hindsight": (best_of_ours, best_peer),
    }
    for what, (one, other) in pairs.items():
        differences = np.array(one["by_seed"]) - np.array(other["by_seed"])
        low, high = interval(differences)
        found[what] = {
            "ours": one["policy"],
            "policy": f"{other['library']} {other['policy']}",
            "difference": round(float(differences.mean()), 4),
            "interval": [round(low, 4), round(high, 4)],
            "reading": "better" if high < 0 else "worse" if low > 0 else "not told apart",
        }
    return found


def main() -> None:
    """Measure world after world; each is written when it is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="*", help="none after it: read the result again and write its verdicts")
    parser.add_argument("--environments", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1, help="processes at a time")
    parser.add_argument("--out", type=Path, default=HERE / "result.json")
    options = parser.parse_args()
    config = read_toml(HERE / "config.toml")
    pythons = {"penchant": sys.executable}
    pythons |= {peer: str((options.environments / peer / "bin" / "python").absolute()) for peer in LIBRARIES[1:]}
    worlds = json.loads(options.out.read_text())["worlds"] if options.out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for name in config["rounds"] if options.worlds is None else options.worlds:
            for seed in [*range(config["seeds"]), *config["tuning_seeds"]]:
                written(name, seed, config, Path(folder))  # before two processes want the same
            with ThreadPoolExecutor(options.workers) as pool:
                groups = [
                    pool.submit(measured, name, library, policies, config, pythons[library], Path(folder))
                    for library, policies in teams(name, config)
                ]
                rows = [row for group in groups for row in group.result()]
            worlds[name] = {"rounds": config["rounds"][name], "tried": config["tried"][name], "policies": rows}
            write(worlds, config, options.out)
    write(worlds, config, options.out)


def write(worlds: dict[str, Any], config: dict[str, Any], out: Path) -> None:
    """Write all worlds, with the verdict of each."""
    result = {
        "measure": "regret relative to uniform, mean over seeds and its 95 % interval; differences are paired",
        "data": "scikit-learn's own copies; the wheel is generated",
        "seeds": list(range(config["seeds"])),
        "tuning_seeds": config["tuning_seeds"],
        "batch": config["batch"],
        "peers": {"mabwiser": "2.7.4", "vowpalwabbit": "9.11.9"},
        "worlds": {name: {**one, "verdict": verdict(one["policies"])} for name, one in worlds.items()},
        "environment": environment(),
    }
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
