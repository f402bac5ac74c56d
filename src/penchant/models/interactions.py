"""What a user's events on an item amount to: one number for each pair, made alike in training and in serving."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.data.polarity import AGAINST
from penchant.errors import ConfigError, UnsupportedError
from penchant.types import AnyArray, DoubleArray

Values = Literal["touch", "count", "value"]


class SignalConfig(Config):
    """How events become numbers."""

    values: Values = "touch"
    """``touch``: 1 for any number of events. ``count``: the sum of their weights. ``value``: the last rating, or the
    sum of quantities where values are no ratings."""
    type_weights: Mapping[str, float] = Field(default_factory=dict)
    """Weight of one event of a type. Without an entry it is 1, and −1 for a type that speaks against its item."""


@dataclass(frozen=True, kw_only=True)
class Signal:
    """The numbers x_ui of a matrix of users and items.

    ::

        weight of event e    w_e = type_weights[type of e], or ±1
        touch                x_ui = sign(Σ w_e)
        count                x_ui = Σ w_e
        value                x_ui = the last rating, or Σ w_e · quantity_e        over the events of u on i

    A pair whose weights sum to 0 has no entry, and one whose sum is below 0 has one only where it is asked for. A value
    that is missing counts as the mean of those seen in training.
    """

    values: Values
    weights_T: DoubleArray
    """One for each event type known in training; a type that came later weighs 1."""
    rated: bool
    """Whether values are ratings."""
    mean: float
    """Mean of the values in training; 1 where there are none."""

    @classmethod
    def fit(cls, dataset: Dataset, config: SignalConfig, *, model: str) -> Self:
        """Learn weights and mean. `ConfigError` for a type the data does not have; `UnsupportedError` for values that
        are asked for and not there, or are below 0.
        """
        unknown = sorted(set(config.type_weights) - set(dataset.event_types))
        if unknown:
            raise ConfigError(
                f"{model}: {dataset.name!r} has no events of the type {', '.join(unknown)}.",
                hint=f"Its event types: {', '.join(dataset.event_types)}.",
            )
        weights = [config.type_weights.get(t, -1.0 if t in AGAINST else 1.0) for t in dataset.event_types]
        known = dataset.events.values[(dataset.events.items >= 0) & ~np.isnan(dataset.events.values)]
        if config.values == "value" and (not len(known) or known.min() < 0):
            came = "has no values" if not len(known) else f"has values below 0 (down to {known.min():g})"
            raise UnsupportedError(
                f"{model} was asked to read the events' values, and {dataset.name!r} {came}.",
                hint="Use signal.values = 'touch' or 'count', which need none.",
            )
        return cls(
            values=config.values,
            weights_T=np.asarray(weights, dtype=np.float64),
            rated=dataset.rating_scale is not None,
            mean=float(known.mean()) if len(known) else 1.0,
        )

    def of_events(self, histories: Histories) -> DoubleArray:
        """What each event counts by itself, (N,): 0 for one against its item."""
        weights = np.maximum(self._weights(histories), 0.0)
        if self.values == "touch":
            return (weights > 0).astype(np.float64)
        return weights if self.values == "count" else weights * self._filled(histories)

    def matrix(self, histories: Histories, n_items: int, *, with_against: bool = False) -> sp.csr_array:
        """x, (B, I) float64 with sorted columns; negative numbers only `with_against`."""
        histories.check_items(n_items)
        owners = np.repeat(np.arange(len(histories)), histories.lengths)
        pairs, inverse = np.unique(owners * max(n_items, 1) + histories.items, return_inverse=True)
        weights = self._weights(histories)
        sums = np.bincount(inverse, weights=weights, minlength=len(pairs))
        data = np.sign(sums) if self.values == "touch" else sums
        if self.values == "value" and self.rated:
            last = np.zeros(len(pairs))
            spoken = weights > 0
            last[inverse[spoken]] = self._filled(histories)[spoken]  # oldest first: the last assignment stays
            data = np.where(sums > 0, last, np.minimum(sums, 0.0))
        elif self.values == "value":
            data = np.bincount(inverse, weights=weights * self._filled(histories), minlength=len(pairs))
        kept = (sums != 0) if with_against else (sums > 0)
        rows, columns = np.divmod(pairs[kept], max(n_items, 1))
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(histories)))])
        return sp.csr_array((data[kept], columns.astype(np.int32), indptr), shape=(len(histories), n_items))

    def facts(self) -> dict[str, Any]:
        """What `of_facts` makes the same signal from, as JSON."""
        return {"values": self.values, "weights": self.weights_T.tolist(), "rated": self.rated, "mean": self.mean}

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Self:
        """A saved signal."""
        weights = np.asarray(facts["weights"], dtype=np.float64)
        return cls(values=facts["values"], weights_T=weights, rated=bool(facts["rated"]), mean=float(facts["mean"]))

    def _weights(self, histories: Histories) -> DoubleArray:
        known = histories.types < len(self.weights_T)
        return np.where(known, self.weights_T[np.where(known, histories.types, 0)], 1.0)

    def _filled(self, histories: Histories) -> DoubleArray:
        return np.where(np.isnan(histories.values), self.mean, histories.values)


def fades(histories: Histories, decay: float) -> DoubleArray:
    """decay^(events of the same user that came after), (N,)."""
    ages = np.repeat(histories.indptr[1:], histories.lengths) - 1 - np.arange(len(histories.items))
    return np.asarray(np.power(decay, ages), dtype=np.float64)


def faded(rows: sp.csr_array, histories: Histories, decay: float) -> sp.csr_array:
    """A signal's matrix of these histories, (B, I), each entry times decay^(events after the user's last on the item).

    It is how a model that knows no order prefers what is recent.
    """
    if decay == 1:
        return rows
    columns = rows.shape[1]
    pairs = np.repeat(np.arange(len(histories)), histories.lengths) * columns + histories.items
    kept = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)) * columns + rows.indices
    places = np.searchsorted(kept, pairs)
    found = places < len(kept)
    found[found] = kept[places[found]] == pairs[found]
    latest = np.zeros(len(kept))
    latest[places[found]] = fades(histories, decay)[found]  # oldest first: the last assignment stays
    return with_data(rows, rows.data * latest)


def with_data(rows: sp.csr_array, data: AnyArray) -> sp.csr_array:
    """The same entries with other numbers."""
    return sp.csr_array((data, rows.indices, rows.indptr), shape=rows.shape)


def csr_arrays(matrix: sp.csr_array, name: str) -> dict[str, AnyArray]:
    """The three arrays of a sparse matrix under names of their own, to be saved."""
    return {f"{name}.data": matrix.data, f"{name}.indices": matrix.indices, f"{name}.indptr": matrix.indptr}


def csr_of(arrays: Mapping[str, AnyArray], name: str, shape: tuple[int, int]) -> sp.csr_array:
    """The sparse matrix that `csr_arrays` took apart."""
    return sp.csr_array(tuple(arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr")), shape=shape)
