"""Relative errors of ours and of Open Bandit Pipeline's estimators, on worlds that OBP makes; see run.sh.

    python against_obp.py synthetic|digits --obp PYTHON --seeds 200 --folder FOLDER --to result.json

Seeds whose world is in FOLDER already are not made again.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from penchant.evaluation.measuring import environment
from penchant.evaluation.off_policy.catalogue import ESTIMATORS
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.selection import RULE, choose_model, choose_terms
from penchant.metrics.significance import bootstrap_intervals, by_user, permutation_p

HERE = Path(__file__).resolve().parent
MODELS = ("ridge", "logistic")
OURS = ("dm", "ips", "clipped_ips", "snips", "dr", "sndr", "switch_dr", "dr_os")
PUBLISHED = {"synthetic": ("sndr", 0.006118, 20), "digits": ("dr-os", 0.015868, 30)}


def errors(file):
    """Relative errors of everything on one world, the reward model taken, and the estimator."""
    with np.load(file) as found:
        world = {name: found[name] for name in found.files}
    target = world["target"].astype(float)
    log = LoggedBandit.of(
        actions=world["action"],
        rewards=world["reward"],
        propensities=world["pscore"],
        n_actions=target.shape[1],
        logging=world["logging"],
        context=world["context"],
    )
    begun = time.perf_counter()
    model = choose_model(log, target, MODELS)
    question = Question(log=log, target=target, predicted=model.predicted)
    chosen = choose_terms(question)
    seconds = time.perf_counter() - begun
    values = {"ours: chosen": chosen.terms.value}
    values |= {f"ours: {name}": ESTIMATORS.build(name).terms(question).value for name in OURS}
    values |= {f"obp: {name}": float(v) for name, v in zip(world["names"], world["estimates"], strict=True)}
    values["dr with the true model"] = float(world["dr_with_true_model"])
    truth = float(world["truth"])
    return {name: abs(value - truth) / truth for name, value in values.items()}, model.model, chosen.name, seconds


def compared(ours, other):
    """The paired difference of two lists of errors."""
    difference = np.array(ours) - np.array(other)
    sums = by_user(difference[:, None], np.arange(len(difference)))
    low, high = bootstrap_intervals(sums, resamples=10_000)
    return {
        "difference": float(difference.mean()),
        "interval": [float(low[0]), float(high[0])],
        "p": float(permutation_p(sums)[0]),
        "significantly_worse": bool(low[0] > 0),
    }


def main():
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("world", choices=["synthetic", "digits"])
    parser.add_argument("--obp", required=True, help="a python that has obp")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(asked.seeds):
        if not (asked.folder / f"{seed}.npz").exists():
            last = next((n for n in range(seed, asked.seeds) if (asked.folder / f"{n}.npz").exists()), asked.seeds)
            command = [asked.obp, "-W", "ignore", HERE / "obp_side.py", asked.world, str(seed), str(last), asked.folder]
            subprocess.run(list(map(str, command)), check=True)
    table, models, estimators, seconds = {}, [], [], []
    for seed in range(asked.seeds):
        found, model, estimator, took = errors(asked.folder / f"{seed}.npz")
        for name, value in found.items():
            table.setdefault(name, []).append(value)
        models.append(model)
        estimators.append(estimator)
        seconds.append(took)
        if seed % 20 == 19:
            print(f"{seed + 1} of {asked.seeds}", file=sys.stderr)
    means = {name: float(np.mean(values)) for name, values in table.items()}
    best = min((name for name in means if name.startswith("obp")), key=means.__getitem__)
    true = means["dr with the true model"]
    published = PUBLISHED[asked.world]
    result = {
        "what": "relative error |V̂ − V| / V, mean over seeds",
        "world": f"{asked.world}, as in the examples of Open Bandit Pipeline",
        "data": "generated" if asked.world == "synthetic" else "digits of scikit-learn",
        "seeds": asked.seeds,
        "rule": RULE,
        "reward_models": {name: models.count(name) for name in sorted(set(models))},
        "chosen": {name: estimators.count(name) for name in sorted(set(estimators))},
        "mean_relative_error": dict(sorted(means.items(), key=lambda pair: pair[1])),
        "standard_deviation": {name: float(np.std(values, ddof=1)) for name, values in table.items()},
        "best_of_obp": best,
        "chosen_against_best_of_obp": compared(table["ours: chosen"], table[best]),
        "chosen_against_true_model": {
            **compared(table["ours: chosen"], table["dr with the true model"]),
            "ratio": means["ours: chosen"] / true if true > 1e-12 else None,
        },
        "published_by_obp": {"estimator": published[0], "mean": published[1], "runs": published[2]},
        "seconds_per_log": float(np.mean(seconds)),
        "environment": environment(),
    }
    asked.to.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(
        json.dumps(
            {k: result[k] for k in ("mean_relative_error", "best_of_obp", "chosen_against_best_of_obp")}, indent=1
        )
    )


main()
