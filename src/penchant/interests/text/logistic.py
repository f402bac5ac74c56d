"""Logistic regression with a ridge penalty: one convex objective, one minimum, no step size."""

from collections.abc import Callable

import numpy as np
import scipy.optimize

from penchant.errors import DataError, TrainingError
from penchant.types import AnyArray, DoubleArray


def sigmoid(logits: DoubleArray) -> DoubleArray:
    """1 / (1 + e^−x) without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits))


def binary_cross_entropy(logits_N: DoubleArray, labels_N: DoubleArray) -> DoubleArray:
    """``−y log σ(x) − (1 − y) log(1 − σ(x))`` of each, (N,), for labels in [0, 1]."""
    return np.asarray(np.logaddexp(0.0, logits_N) - labels_N * logits_N)


def fit_logistic(
    features_ND: AnyArray, labels_N: DoubleArray, *, penalty: float, iterations: int = 500
) -> tuple[DoubleArray, float]:
    """Weights (D,) and offset that minimise ``mean BCE(X w + b, y) + penalty/2 |w|²``; labels may lie between 0 and 1.

    The offset is not penalised. `DataError` for labels outside [0, 1], features that are not finite, and no rows;
    `TrainingError` where the minimum is not found.
    """
    features, labels = np.asarray(features_ND, dtype=np.float64), np.asarray(labels_N, dtype=np.float64)
    check_labels(features, labels)

    def objective(parameters: DoubleArray) -> tuple[float, DoubleArray]:
        weights, offset = parameters[:-1], parameters[-1]
        logits = features @ weights + offset
        loss = float(binary_cross_entropy(logits, labels).mean() + 0.5 * penalty * weights @ weights)
        error = (sigmoid(logits) - labels) / len(labels)
        return loss, np.append(features.T @ error + penalty * weights, error.sum())

    found = minimum(objective, np.zeros(features.shape[1] + 1), iterations=iterations)
    return found[:-1], float(found[-1])


def minimum(
    objective: Callable[[DoubleArray], tuple[float, DoubleArray]], start: DoubleArray, *, iterations: int
) -> DoubleArray:
    """Where a convex objective (value, gradient) is least, by L-BFGS; `TrainingError` where it is not reached."""
    result = scipy.optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations, "ftol": 1e-12, "gtol": 1e-7}
    )
    found = np.asarray(result.x, dtype=np.float64)
    if not np.isfinite(found).all() or (not result.success and result.nit >= iterations):
        raise TrainingError(
            f"No minimum after {result.nit} steps (loss {float(result.fun):.4g}).",
            hint="Raise the penalty or the number of iterations.",
        )
    return found


def check_labels(features_ND: AnyArray, labels_N: DoubleArray) -> None:
    """`DataError` where rows and labels do not fit each other, or hold what cannot be learned from."""
    if features_ND.ndim != 2 or labels_N.shape != (len(features_ND),) or not len(labels_N):
        raise DataError(
            f"Features of shape {features_ND.shape} came with labels of shape {labels_N.shape}.",
            hint="Give (N, D) features and (N,) labels, at least one row.",
        )
    if not np.isfinite(features_ND).all() or not ((labels_N >= 0) & (labels_N <= 1)).all():
        raise DataError(
            "A feature is not finite, or a label is not in [0, 1].",
            hint="Leave such rows out; bring ratings to [0, 1] by their scale.",
        )
