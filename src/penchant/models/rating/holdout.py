"""Validation inside a fit of ratings."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from penchant.data.histories import Cases, Histories
from penchant.interfaces import FitOptions
from penchant.types import DoubleArray, IntArray, RowArray

Predict = Callable[[Histories, IntArray, RowArray], DoubleArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedTargets:
    """Held-out ratings: which items of which histories, and what was said of them."""

    histories: Histories
    cases: IntArray
    """(P,) rows of `histories`"""
    items: RowArray
    """(P,)"""
    ratings: DoubleArray
    """(P,)"""


def rated_targets(cases: Cases | None) -> RatedTargets | None:
    """The rated targets of cases; None where there are no cases, or none of their targets is rated."""
    if cases is None or cases.target_values is None or np.isnan(cases.target_values).all():
        return None
    rated = ~np.isnan(cases.target_values)
    return RatedTargets(
        histories=cases.histories,
        cases=np.repeat(np.arange(len(cases), dtype=np.int64), np.diff(cases.target_indptr))[rated],
        items=cases.target_items[rated],
        ratings=cases.target_values[rated],
    )


def validation_value(options: FitOptions, predict: Predict) -> Callable[[], float] | None:
    """What decides when to stop: the root mean squared error on the rated targets of the validation cases, negated.

    None where there are no cases, or none of their targets is rated.
    """
    asked = rated_targets(options.validation)
    if asked is None:
        return None

    def value() -> float:
        predicted = predict(asked.histories, asked.cases, asked.items)
        return -float(np.sqrt(np.mean((predicted - asked.ratings) ** 2)))

    return value
