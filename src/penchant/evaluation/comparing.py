"""Models against each other: over seeds, and pair by pair on the same users."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Protocol

import numpy as np

from penchant.evaluation.case_values import CaseValues, means_and_intervals
from penchant.evaluation.results import Comparison, Summary
from penchant.metrics.significance import bootstrap_intervals, by_user, holm, permutation_p

TESTED = ("ndcg", "recall", "map", "mrr")
"""Metrics compared in pairs, at each k."""


class Measured(Protocol):
    """One model, one seed, one variant, with its metrics."""

    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def exclude_history(self) -> bool: ...  # noqa: D102
    @property
    def metrics(self) -> Mapping[str, float]: ...  # noqa: D102


def summarise(results: Sequence[Measured], over_seeds: Mapping[tuple[str, bool], CaseValues]) -> tuple[Summary, ...]:
    """Mean and spread of each model's metrics over its seeds, history excluded and included apart.

    `over_seeds` maps (model, exclude_history) to the values of each case averaged over seeds.
    """
    groups: dict[tuple[str, bool], list[Measured]] = {}
    for result in results:
        groups.setdefault((result.model, result.exclude_history), []).append(result)
    summaries = []
    for (model, exclude), runs in groups.items():
        values = {name: np.array([run.metrics[name] for run in runs]) for name in runs[0].metrics}
        summaries.append(
            Summary(
                model=model,
                exclude_history=exclude,
                seeds=len(runs),
                mean={name: float(value.mean()) for name, value in values.items()},
                spread={name: float(value.std(ddof=1)) if len(runs) > 1 else 0.0 for name, value in values.items()},
                intervals=means_and_intervals(over_seeds[model, exclude])[1],
                **_over_folds(runs),
            )
        )
    return tuple(summaries)


def _over_folds(runs: Sequence[Measured]) -> dict[str, Any]:
    """The fields of a `Summary` that tell how far the folds lie apart, where there are several."""
    by_run: list[Sequence[Mapping[str, float]]] = [getattr(run, "folds", ()) for run in runs]
    if not by_run[0]:
        return {}
    values = {name: np.mean([[fold[name] for fold in folds] for folds in by_run], axis=0) for name in by_run[0][0]}
    return {
        "folds": len(by_run[0]),
        "fold_mean": {name: float(value.mean()) for name, value in values.items()},
        "fold_spread": {name: float(value.std(ddof=1)) for name, value in values.items()},
    }


def compare(
    over_seeds: Mapping[str, CaseValues],
    *,
    ks: Sequence[int],
    exclude_history: bool,
    pairs: Sequence[tuple[str, str]] | None = None,
    seed: int = 0,
) -> tuple[Comparison, ...]:
    """Every pair of models, the one ahead on NDCG at the largest k first; or the `pairs` named, as they are.

    `over_seeds` maps a model to the values of the same cases, averaged over seeds.
    """
    values = {model: found.values for model, found in over_seeds.items()}
    owners = next(iter(over_seeds.values())).owners
    headline = f"ndcg@{max(ks)}"
    models = sorted(values, key=lambda name: -values[name][headline].mean())
    pairs = list(combinations(models, 2)) if pairs is None else pairs
    metrics = [f"{name}@{k}" for k in ks for name in TESTED]
    if not pairs:
        return ()
    columns = [values[a][metric] - values[b][metric] for a, b in pairs for metric in metrics]
    differences = by_user(np.stack(columns, axis=1), owners)
    low, high = (end.reshape(len(pairs), len(metrics)) for end in bootstrap_intervals(differences, seed=seed))
    p_values = permutation_p(differences, seed=seed).reshape(len(pairs), len(metrics))
    corrected = np.stack([holm(p_values[:, m]) for m in range(len(metrics))], axis=1)
    means = differences.means.reshape(len(pairs), len(metrics))
    return tuple(
        Comparison(
            model=pair[0],
            other=pair[1],
            exclude_history=exclude_history,
            metric=metric,
            difference=float(means[p, m]),
            interval=(float(low[p, m]), float(high[p, m])),
            p=float(p_values[p, m]),
            p_holm=float(corrected[p, m]),
        )
        for m, metric in enumerate(metrics)
        for p, pair in enumerate(pairs)
    )
