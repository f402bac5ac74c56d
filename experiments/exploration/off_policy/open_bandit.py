"""The small sample of the Open Bandit Dataset: each log asked about the other log's policy; see run.sh.

    python open_bandit.py --obp PYTHON --data FOLDER --to result-open-bandit.json

The truth is the click rate of the other log: itself a mean of 10,000 rounds with some 46 to 69 clicks. Its own sampling
error is in the interval of the error.
"""

import argparse
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import duckdb
import numpy as np

from penchant.evaluation.measuring import environment
from penchant.evaluation.off_policy.catalogue import ESTIMATORS
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.evaluation.off_policy.estimates import EstimateConfig, estimate
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.selection import RULE, choose_model, chosen_estimate

HERE = Path(__file__).resolve().parent
CAMPAIGNS = {"men": 34, "women": 46}
RARE = 100
"""Values of a user's features that fewer rounds have get no column."""
NAMES = ("dm", "ips", "clipped_ips", "snips", "dr", "sndr", "switch_dr", "dr_os")


def read(path):
    """Columns of a log: action, position from 0, click, propensity, and the user's features as ones and zeros."""
    columns = "item_id, position, click, propensity_score, " + ", ".join(f"user_feature_{n}" for n in range(4))
    found = duckdb.sql(f"SELECT {columns} FROM '{path}'").fetchnumpy()
    context = []
    for n in range(4):
        values = np.array(found[f"user_feature_{n}"], dtype=str)
        counts = {value: int((values == value).sum()) for value in sorted(set(values))}
        context += [(values == value).astype(float) for value in list(counts)[1:] if counts[value] >= RARE]
    return {
        "action": np.asarray(found["item_id"], dtype=np.int64),
        "position": np.asarray(found["position"], dtype=np.int64) - 1,
        "reward": np.asarray(found["click"], dtype=float),
        "pscore": np.asarray(found["propensity_score"], dtype=float),
        "context": np.stack(context, axis=1),
    }


def spread_error(value, error, truth, clicks_error):
    """Relative error with a 95 % interval: the estimate's own error and the truth's are independent."""
    half = 1.96 * float(np.hypot(error, clicks_error))
    low, high = (value - truth - half) / truth, (value - truth + half) / truth
    return {"relative_error": abs(value - truth) / truth, "signed": (value - truth) / truth, "interval": [low, high]}


def main():
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--obp", required=True, help="a python that has obp")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    asked = parser.parse_args()
    fingerprint = hashlib.sha256()
    for file in sorted(asked.data.glob("*.parquet")):
        fingerprint.update(file.read_bytes())
    results = []
    for campaign, n_actions in CAMPAIGNS.items():
        logs = {log: read(asked.data / f"log_{log}_{campaign}.parquet") for log in ("random", "bts")}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for log, columns in logs.items():
                np.savez(folder / f"{campaign}-{log}.npz", **columns)
            command = [asked.obp, "-W", "ignore", HERE / "obp_side.py", "random_policy_of_bts", campaign]
            command += [folder / "log", folder]
            subprocess.run(list(map(str, command)), check=True)
            with np.load(folder / f"{campaign}-obp.npz") as told:
                obp = {key: told[key] for key in told.files}
        for log, other in (("random", "bts"), ("bts", "random")):
            results.append(one_direction(campaign, n_actions, log, other, logs, obp))
    result = {
        "what": "relative error of the click rate; intervals hold the estimate's error and the truth's own",
        "data": f"open-bandit-small, sha256 {fingerprint.hexdigest()[:16]}",
        "rule": RULE,
        "results": results,
        "environment": environment(),
    }
    asked.to.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for one in results:
        print(one["campaign"], one["log"], "->", one["target"], one["truth"])
        for name, found in one["errors"].items():
            print(f"  {name:20s} {found}")


def one_direction(campaign, n_actions, log_name, other, logs, obp):
    """What the log of one policy says of the other's click rate."""
    data, truth_log = logs[log_name], logs[other]
    rounds, at = len(data["action"]), data["position"]
    target = obp["bts"].T[at] if log_name == "random" else np.full((rounds, n_actions), 1 / n_actions)
    target = target / target.sum(axis=1, keepdims=True)
    truth = float(truth_log["reward"].mean())
    truth_error = float(truth_log["reward"].std(ddof=1) / np.sqrt(rounds))
    log = LoggedBandit.of(
        actions=data["action"],
        rewards=data["reward"],
        propensities=data["pscore"],
        n_actions=n_actions,
        context=np.concatenate([data["context"], np.eye(3)[at][:, 1:]], axis=1),
    )
    model = choose_model(log, target, ("ridge", "logistic", "mean"))
    question = Question(log=log, target=target, predicted=model.predicted, rewards=(0.0, 1.0))
    config = EstimateConfig()
    found = {name: estimate(question, ESTIMATORS.build(name), config) for name in NAMES}
    found["chosen"] = chosen_estimate(question, config)
    errors, refused = {}, {}
    for name, one in found.items():
        if one.value is None:
            refused[f"ours: {name}"] = one.refused
        else:
            errors[f"ours: {name}"] = spread_error(one.value, one.standard_error, truth, truth_error)
    mean = float(data["reward"].mean())
    errors["constant (the log's own click rate)"] = spread_error(
        mean, float(data["reward"].std(ddof=1) / np.sqrt(rounds)), truth, truth_error
    )
    for name, value in zip(obp["names"], obp[f"{log_name}_estimates"], strict=True):
        errors[f"obp: {name}"] = {"relative_error": abs(float(value) - truth) / truth}
    return {
        "campaign": campaign,
        "log": log_name,
        "target": other,
        "truth": truth,
        "truth_clicks": int(truth_log["reward"].sum()),
        "truth_standard_error": truth_error,
        "reward_model": model.model,
        "chosen": list(found["chosen"].notes),
        "effective_sample_size": found["chosen"].overlap.effective,
        "errors": dict(sorted(errors.items(), key=lambda pair: pair[1]["relative_error"])),
        "refused": refused,
    }


main()
