"""Questions by what they tell, at random, and by how many would say yes: recall of later books after 0, 1, 3 and 5.

Nothing is trained: who is served is foreseen from the population that he is like, Σ_k π_k [user k took item i], so that
only the choice of questions differs.
"""

import argparse
import time
import tomllib
from pathlib import Path

import numpy as np
import orjson
import scipy.sparse as sp

from penchant.concepts.vocabulary import VocabularyConfig, build_vocabulary
from penchant.data.dataset import Dataset
from penchant.evaluation.measuring import environment
from penchant.exploration.questions import doubted, pick, posterior
from penchant.interests.population import Population
from penchant.interests.profile import confidence
from penchant.metrics.significance import bootstrap_intervals, by_user
from penchant.pipeline.questions import SHARES
from penchant.progress import SILENT
from penchant.seeding import numpy_rng


def took(data: Dataset, users: np.ndarray, half: int | None) -> sp.csr_array:
    """(B, I) which items users took: in the first half of their history (0), the second (1), or the whole (None)."""
    histories = data.histories().take(users)
    owners = np.repeat(np.arange(len(users)), histories.lengths)
    place = np.arange(len(owners)) - histories.indptr[:-1][owners]
    late = place >= histories.lengths[owners] // 2
    kept = np.ones(len(owners), dtype=bool) if half is None else late == bool(half)
    return sp.csr_array((np.ones(kept.sum()), (owners[kept], histories.items[kept])), shape=(len(users), data.n_items))


def liked(taken: sp.csr_array, touched: sp.csr_array, population: Population, prior: float) -> np.ndarray:
    """(B, C) how sure it is that each user takes more of each concept than everyone does."""
    counts, events = np.asarray((taken @ touched).todense()), taken.sum(axis=1)
    return np.array([confidence(c, int(n), population, prior) for c, n in zip(counts, events, strict=True)])


def run(data: Dataset, config: dict, seed: int) -> dict[str, dict[int, np.ndarray]]:
    """Recall of each new user by way of asking and number of questions."""
    rng = numpy_rng(seed, "users")
    order = rng.permutation(data.n_users)
    known, new = order[: config["population"]], order[config["population"] :][: config["new_users"]]
    vocabulary = build_vocabulary(
        data.items, VocabularyConfig(), encoder=None, item_vectors=None, seed=seed, progress=SILENT
    )
    touched = sp.csr_array((vocabulary.activations > 0).astype(np.float64))
    whole = took(data, known, None)
    rate = np.asarray((whole @ touched).sum(axis=0)).ravel() / whole.sum()
    population = Population(
        mean=np.zeros_like(rate), deviation=np.ones_like(rate), rate=np.clip(rate, 1e-6, 1 - 1e-6).astype(np.float32)
    )
    chances = doubted(liked(whole, touched, population, config["prior_events"]))
    low, high = doubted(np.array(SHARES))
    worth = np.flatnonzero((chances.mean(axis=0) > low) & (chances.mean(axis=0) < high))
    chances = chances[:, worth]
    answers = (liked(took(data, new, 0), touched, population, config["prior_events"])[:, worth] > 0.5).astype(float)
    seen, later = took(data, new, 0).toarray() > 0, took(data, new, 1).toarray() > 0
    items = whole.toarray()
    uniform = np.full(len(known), 1 / len(known))
    popular = np.argsort(-chances.mean(axis=0), kind="stable")
    counts = (0, *config["asked"])
    recall = {name: {n: np.zeros(len(new)) for n in counts} for name in ("information", "random", "popular")}
    right = {name: {n: np.zeros(len(new)) for n in counts} for name in recall}
    for b in range(len(new)):
        mixed = numpy_rng(seed, "random", str(b)).permutation(len(worth))
        for name in recall:
            belief, open_q, asked = uniform, np.ones(len(worth), dtype=bool), []
            for n in range(max(counts) + 1):
                if n:
                    if name == "information":
                        q = int(pick(belief, chances, 1, open_Q=open_q).questions[0])
                    else:
                        q = int((mixed if name == "random" else popular)[n - 1])
                    open_q[q] = False
                    asked.append(q)
                    belief = posterior(belief, chances, [q], [answers[b, q]])
                if n in counts:
                    scores = np.where(seen[b], -np.inf, belief @ items)
                    top = np.argsort(-scores, kind="stable")[: config["k"]]
                    recall[name][n][b] = later[b][top].sum() / max(1, min(config["k"], later[b].sum()))
                    right[name][n][b] = np.mean((belief @ chances > 0.5) == (answers[b] > 0.5))
    return {"recall": recall, "right": right, "concepts": len(worth)}


def main() -> None:
    """Run all seeds and write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    asked_for = parser.parse_args()
    config = tomllib.loads((Path(__file__).parent / "config.toml").read_text())
    data, began = Dataset.load(asked_for.data), time.process_time()
    runs = [run(data, config, seed) for seed in config["seeds"]]
    rows, against = [], []
    for name in ("information", "random", "popular"):
        for n in (0, *config["asked"]):
            row = {"ask": name, "questions": n}
            for what in ("recall", "right"):
                values = np.concatenate([one[what][name][n] for one in runs])
                low, high = bootstrap_intervals(by_user(values[:, None], np.arange(len(values))), seed=0)
                row[what] = {"mean": values.mean(), "low": low[0], "high": high[0]}
            rows.append(row)
            if name != "information" and n:
                best = np.concatenate([one["recall"]["information"][n] for one in runs])
                gap = best - np.concatenate([one["recall"][name][n] for one in runs])
                low, high = bootstrap_intervals(by_user(gap[:, None], np.arange(len(gap))), seed=0)
                against.append({"than": name, "questions": n, "gain": gap.mean(), "low": low[0], "high": high[0]})
    told = {
        "dataset": {"name": data.name, "fingerprint": data.fingerprint},
        "config": config,
        "concepts": [one["concepts"] for one in runs],
        "rows": rows,
        "recall_of_information_less": against,
        "processor_seconds": time.process_time() - began,
        "machine": environment(),
    }
    asked_for.to.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))
    for row in rows:
        print(row["ask"], row["questions"], round(row["recall"]["mean"], 4), round(row["right"]["mean"], 4))
    print(against)


if __name__ == "__main__":
    main()
