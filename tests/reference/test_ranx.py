"""Ranking metrics agree with ranx, an independent implementation, to 1e-9."""

import warnings

import numba
import numpy as np
import pytest

from penchant.metrics.ranking import UNRANKED, ranking_metrics, target_ranks
from penchant.seeding import tie_breaks
from tests.metrics.test_ranking import make_cases

# Interpreted, ranx takes milliseconds on data of this size; compiled, its metrics take two minutes to compile.
numba.config.DISABLE_JIT = True  # type: ignore[attr-defined]
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="(?s).*invalid escape sequence")  # in ranx's own source
    from ranx import Qrels, Run, evaluate

KS = (1, 3, 5, 10, 40)


def compare(found: dict[str, np.ndarray], qrels: Qrels, run: Run, users: list[str]) -> None:
    for name, values in found.items():
        theirs = evaluate(qrels, run, name, return_mean=False, make_comparable=True)
        by_user = dict(zip(qrels.keys(), theirs, strict=True))
        assert values == pytest.approx([by_user[user] for user in users], abs=1e-9), name


def test_ranked_scores_agree() -> None:
    rng = np.random.default_rng(0)
    n_items, n_cases = 60, 80
    targets = [rng.choice(n_items, size=rng.integers(1, 9), replace=False).tolist() for _ in range(n_cases)]
    histories = [rng.choice(n_items, size=rng.integers(0, 12), replace=False).tolist() for _ in range(n_cases)]
    cases = make_cases(histories, targets)
    scores = rng.permuted(np.tile(np.arange(n_items, dtype=np.float32), (n_cases, 1)), axis=1)
    ties = tie_breaks([str(i) for i in range(n_items)])
    users = [f"u{b}" for b in range(n_cases)]
    for exclude in (False, True):
        ranks = target_ranks(scores, cases, ties=ties, exclude_history=exclude)
        hidden = [set(h) - set(t) if exclude else set() for h, t in zip(histories, targets, strict=True)]
        run = Run(
            {
                u: {f"i{i}": float(scores[b, i]) for i in range(n_items) if i not in hidden[b]}
                for b, u in enumerate(users)
            }
        )
        qrels = Qrels({u: {f"i{i}": 1 for i in targets[b]} for b, u in enumerate(users)})
        compare(ranking_metrics(ranks, cases.target_indptr, KS), qrels, run, users)


def test_short_lists_and_misses_agree() -> None:
    rng = np.random.default_rng(1)
    lists = [rng.choice(30, size=rng.integers(1, 13), replace=False).tolist() for _ in range(60)]
    targets = [rng.choice(30, size=rng.integers(1, 6), replace=False).tolist() for _ in lists]
    ranks = [
        shown.index(i) if i in shown else UNRANKED for shown, wanted in zip(lists, targets, strict=True) for i in wanted
    ]
    users = [f"u{b}" for b in range(len(lists))]
    run = Run(
        {
            u: {f"i{i}": float(len(shown) - n) for n, i in enumerate(shown)}
            for u, shown in zip(users, lists, strict=True)
        }
    )
    qrels = Qrels({u: {f"i{i}": 1 for i in wanted} for u, wanted in zip(users, targets, strict=True)})
    indptr = np.cumsum([0, *map(len, targets)])
    compare(ranking_metrics(np.array(ranks), indptr, KS), qrels, run, users)
