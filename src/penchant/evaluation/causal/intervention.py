"""What a feature does to a fitted recommender: it is set, all else is left as it is, and the model answers again.

    effect of do(x = v)  =  mean over users of  score(x = v) − score(as it was)

For the model the answer is exact: it is the only thing between feature and score, so a change of the feature alone is
an intervention (Pearl 2009, chapter 3). It says what moves *the model*. That it also moves people follows only if the
model learned causes; a proxy that merely goes with a cause gets an effect as far as the model leans on it, and no
further.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from penchant.data.histories import Histories
from penchant.errors import DataError, NotFoundError
from penchant.interfaces import Recommender
from penchant.metrics.significance import bootstrap_intervals, by_user
from penchant.types import AnyArray, BoolArray, DoubleArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """A change and what it did."""

    what: str
    effect: float
    """Mean change of the targets' scores, in the model's unit"""
    interval: tuple[float, float]
    """Bootstrap over users, 95 %"""
    size: float
    """Effect over the standard deviation of scores as they were"""
    rank_change: float
    """Mean change of the targets' ranks; below 0: they rose"""
    replaced: float
    """Share of the first K items that are others afterwards"""
    users: int


def set_feature(
    respond: Callable[[Mapping[str, AnyArray]], DoubleArray | FloatArray],
    features: Mapping[str, AnyArray],
    name: str,
    value: float | AnyArray,
    *,
    targets: BoolArray | None = None,
    k: int = 10,
    seed: int = 0,
) -> Intervention:
    """do(features[name] = value) on a model that answers features with scores (B, I). The features given stay as they
    are. `NotFoundError` for a feature that is not there.
    """
    if name not in features:
        raise NotFoundError(f"No feature is called {name!r}.", hint=f"There are: {', '.join(sorted(features))}.")
    before = respond(features)
    changed = {**features, name: np.broadcast_to(np.asarray(value), np.shape(features[name])).copy()}
    return compared(f"{name} := {_told(value)}", before, respond(changed), targets=targets, k=k, seed=seed)


def strongest(
    respond: Callable[[Mapping[str, AnyArray]], DoubleArray | FloatArray],
    features: Mapping[str, AnyArray],
    values: Mapping[str, float],
    *,
    targets: BoolArray | None = None,
    k: int = 10,
) -> list[Intervention]:
    """Each feature set in turn, the largest effect in size first: the key features of a decision."""
    made = [set_feature(respond, features, name, value, targets=targets, k=k) for name, value in values.items()]
    return sorted(made, key=lambda one: -abs(one.effect))


def forget_items(
    model: Recommender, histories: Histories, items: Sequence[int], *, targets: BoolArray, k: int = 10, seed: int = 0
) -> Intervention:
    """do(the events on some items had never been), of users who have any: what these events do to the targets (I,)."""
    gone = np.isin(histories.items, np.asarray(items))
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    touched = np.unique(owners[gone])
    if not len(touched):
        raise DataError("Nobody has an event on these items.", hint="Name items that are in the histories.")
    before, after = histories.take(touched), histories.keep(~gone).take(touched)
    return compared(
        f"without {len(items)} items", model.score(before), model.score(after), targets=targets, k=k, seed=seed
    )


def compared(
    what: str,
    before_BI: DoubleArray | FloatArray,
    after_BI: DoubleArray | FloatArray,
    *,
    targets: BoolArray | None = None,
    k: int = 10,
    seed: int = 0,
) -> Intervention:
    """Scores before and after. `targets` (I,) or (B, I): the items asked about; None: all."""
    if before_BI.shape != after_BI.shape or not np.isfinite([before_BI, after_BI]).all():
        raise DataError(
            f"Scores of shape {before_BI.shape} and {after_BI.shape} came.", hint="Give finite ones of the same users."
        )
    chosen = np.broadcast_to(np.ones(1, dtype=np.bool_) if targets is None else targets, before_BI.shape)
    users = np.flatnonzero(chosen.any(axis=1))
    if not len(users):
        raise DataError("No item is a target.", hint="Name at least one.")
    n = chosen[users].sum(axis=1)
    change = np.where(chosen, after_BI.astype(np.float64) - before_BI, 0.0)[users].sum(axis=1) / n
    moved = np.where(chosen, _ranks(after_BI) - _ranks(before_BI), 0)[users].sum(axis=1) / n
    first = [np.argsort(-scores, axis=1, kind="stable")[:, :k] for scores in (before_BI, after_BI)]
    kept = np.mean([np.isin(a, b).mean() for b, a in zip(*first, strict=True)])
    low, high = bootstrap_intervals(by_user(change[:, None], users), seed=seed)
    spread = float(before_BI.std())
    effect = float(change.mean())
    return Intervention(
        what=what,
        effect=effect,
        interval=(float(low[0]), float(high[0])),
        size=effect / spread if spread > 0 else 0.0,
        rank_change=float(moved.mean()),
        replaced=float(1 - kept),
        users=len(users),
    )


def _ranks(scores_BI: DoubleArray | FloatArray) -> AnyArray:
    """(B, I) 0 for the highest."""
    return np.argsort(np.argsort(-scores_BI, axis=1, kind="stable"), axis=1, kind="stable")


def _told(value: float | AnyArray) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "given values"
