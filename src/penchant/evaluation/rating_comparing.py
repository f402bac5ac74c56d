"""Models of ratings against each other: over seeds, and pair by pair on the same users."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from penchant.evaluation.rating_results import RatingComparison, RatingResult, RatingSummary
from penchant.evaluation.rating_scores import Asked
from penchant.metrics.significance import bootstrap_intervals, by_user, holm, permutation_p
from penchant.types import DoubleArray


def summarise(model: str, results: Sequence[RatingResult]) -> RatingSummary:
    """Mean and spread of a model's metrics over its seeds, and of its RMSE over splits."""
    values = {name: np.array([r.scores.metrics[name] for r in results]) for name in results[0].scores.metrics}
    by_fold = np.array([[fold["rmse"] for fold in result.folds] for result in results])  # (seeds, splits)
    return RatingSummary(
        model=model,
        seeds=len(results),
        mean={name: float(value.mean()) for name, value in values.items()},
        spread={name: float(value.std(ddof=1)) if len(results) > 1 else 0.0 for name, value in values.items()},
        fold_mean=float(by_fold.mean()),
        fold_spread=float(by_fold.mean(axis=0).std(ddof=1)) if by_fold.shape[1] > 1 else 0.0,
    )


def compare(
    models: Sequence[str], seeds: Sequence[int], predicted: Mapping[tuple[str, int], DoubleArray], asked: Asked
) -> tuple[RatingComparison, ...]:
    """Every pair of models, the more exact first, on the same ratings.

    `predicted` maps (model, seed) to predictions (N,).
    """
    values: dict[str, dict[str, DoubleArray]] = {"mse": {}, "mae": {}}
    for model in models:
        off = np.stack([predicted[model, seed] - asked.actual for seed in seeds])
        values["mse"][model], values["mae"][model] = (off**2).mean(axis=0), np.abs(off).mean(axis=0)
    order = sorted(models, key=lambda model: float(values["mse"][model].mean()))
    pairs, found = list(combinations(order, 2)), []
    for metric, of in values.items() if pairs else ():
        differences = by_user(np.stack([of[a] - of[b] for a, b in pairs], axis=1), asked.owners)
        low, high = bootstrap_intervals(differences)
        p_values = permutation_p(differences)
        for k, (pair, corrected) in enumerate(zip(pairs, holm(p_values), strict=True)):
            found.append(
                RatingComparison(
                    model=pair[0],
                    other=pair[1],
                    metric=metric,
                    difference=float(differences.means[k]),
                    interval=(float(low[k]), float(high[k])),
                    p=float(p_values[k]),
                    p_holm=float(corrected),
                )
            )
    return tuple(found)
