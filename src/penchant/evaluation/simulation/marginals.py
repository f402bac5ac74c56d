"""What a log says of how uneven popularity and activity are: the marginals that a planted world can be given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.data.dataset import Dataset
from penchant.errors import DataError
from penchant.types import DoubleArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Marginals:
    """Of items and users that have events."""

    log_popularity_spread: float
    """Standard deviation over items of the logarithm of an item's rate, sampling error taken out"""
    events_per_user: float
    """Mean"""
    log_events_spread: float
    """Standard deviation over users of the logarithm of their number of events"""
    concepts_per_item: float | None
    """Mean over items with any; None where nothing was given to count"""


def marginals_of(
    dataset: Dataset, *, activations: sp.csr_array | None = None, columns: Sequence[str] = ()
) -> Marginals:
    """Those of a dataset. `DataError` without item events, or for a column that the items do not have."""
    seen = dataset.events.items >= 0
    if not seen.any():
        raise DataError("The log has no event on an item.", hint="Give a dataset with events.")
    counts = np.bincount(dataset.events.items[seen], minlength=len(dataset.items)).astype(np.float64)
    activity = np.bincount(dataset.events.users[seen], minlength=len(dataset.users)).astype(np.float64)
    activity = activity[activity > 0]
    return Marginals(
        log_popularity_spread=_log_spread(counts),
        events_per_user=float(activity.mean()),
        log_events_spread=float(np.log(activity).std()),
        concepts_per_item=_concepts(dataset, activations, columns),
    )


def _log_spread(counts_I: DoubleArray) -> float:
    """The standard deviation σ of log rates, were the rates log-normal and counts Poisson given them: from

    Var n = mean + mean² (e^{σ²} − 1). Counts have more variance than rates, which a spread of log counts would keep.
    """
    mean, variance = counts_I.mean(), counts_I.var()
    return float(np.sqrt(np.log1p(max(variance - mean, 0.0) / mean**2)))


def _concepts(dataset: Dataset, activations: sp.csr_array | None, columns: Sequence[str]) -> float | None:
    if activations is not None:
        numbers = np.diff(activations.indptr).astype(np.float64)
    elif columns:
        numbers = np.zeros(len(dataset.items))
        for name in columns:
            if name not in dataset.items.columns:
                raise DataError(
                    f"The items have no column {name!r}.", hint=f"There are: {', '.join(dataset.items.columns)}."
                )
            values = dataset.items.columns[name]
            numbers += [0 if v is None else len(v) if isinstance(v, list | tuple) else 1 for v in values]
    else:
        return None
    if not (numbers > 0).any():
        raise DataError("No item has a concept.", hint="Name columns that hold values.")
    return float(numbers[numbers > 0].mean())
