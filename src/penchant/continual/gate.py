"""Whether a challenger takes the champion's place: only where it is surely better on what came, and has not forgotten.

    d_b = NDCG@k(challenger, b) − NDCG@k(champion, b),      b: the last new event of a user, learned by neither

The challenger wins where the lower end of the interval of mean d is above the margin. Both are asked with the same
histories, over the whole catalogue with the history left out; items that the champion does not know come last with it,
since it cannot serve them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.growth import Growth
from penchant.data.histories import Cases, Histories
from penchant.data.partition import next_item
from penchant.errors import DataError
from penchant.metrics.ranking import ndcg_at, target_ranks
from penchant.metrics.significance import bootstrap_intervals, by_user
from penchant.models.holdout import catalogue_ties, rows_at_once
from penchant.models.hybrid import Interest
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray, RowArray


class GateConfig(Config):
    """When a challenger wins."""

    k: int = Field(default=10, ge=1)
    """Of NDCG@k."""
    margin: float = Field(default=0.0, ge=0, lt=1)
    """By how much of NDCG, beyond doubt, it has to be better on what came."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Of the two-sided interval whose lower end counts."""
    most_forgotten: float = Field(default=0.05, ge=0, le=1)
    """The share of the NDCG on the old period that it may lose."""
    held_out: float = Field(default=0.3, gt=0, le=1)
    """Share of the users with new events whose last new event is kept for the gate."""
    fewest_cases: int = Field(default=30, ge=2)
    """With fewer the champion stays: nothing can be told."""
    most_cases: int = Field(default=2_000, ge=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A difference between challenger and champion with its interval."""

    value: float
    low: float
    high: float
    cases: int
    what: str
    """Of what, and by what estimator"""


Logged = Callable[[Interest, Interest], Bound]
"""Champion and challenger to how much more reward the challenger would have earned from logged decisions.

`DataError` where the log cannot tell; the held-out cases then decide alone.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The cases of a gate, and what may be learned beside them."""

    new: Cases
    old: Cases
    learned: BoolArray
    """(N,) new item events that are to be learned"""
    replayable: BoolArray
    """(N,) old item events that may be learned again: all but the old cases' targets"""
    training: Dataset
    """Without the new cases' targets"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says."""

    wins: bool
    reason: str
    new: Bound
    champion_new: float
    challenger_new: float
    champion_old: float
    challenger_old: float
    old_cases: int
    logged: Bound | None = None
    logged_refused: str = ""
    """Why logged decisions cannot tell, where they were asked"""

    @property
    def backward_transfer(self) -> float:
        """Challenger less champion on the old period, in NDCG: below 0 something was forgotten."""
        return self.challenger_old - self.champion_old


def trial(growth: Growth, config: GateConfig, *, seed: int) -> Trial:
    """Keep the last new item event of some users for the gate, and the last old one of some for what is forgotten."""
    data = growth.dataset
    histories, new = data.histories(), growth.of_items
    rng = numpy_rng(seed, "gate")
    owners = np.repeat(np.arange(len(histories)), histories.lengths)
    last_new = _last(owners, new)
    asked = last_new[last_new > histories.indptr[owners[last_new]]]  # something comes before it
    wanted = min(config.most_cases, round(config.held_out * len(asked)))
    held = np.sort(rng.permutation(asked)[:wanted])
    last_old = _last(owners, ~new)
    before = last_old[last_old > histories.indptr[owners[last_old]]]
    probed = np.sort(rng.permutation(before)[: config.most_cases])
    of_items = np.flatnonzero(data.events.items >= 0)
    kept = np.ones(len(data.events), dtype=np.bool_)
    kept[of_items[held]] = False
    left = kept[of_items]
    replayable = ~new
    replayable[probed] = False
    return Trial(
        new=_cases(histories, owners, held),
        old=_cases(histories, owners, probed),
        learned=new[left],
        replayable=replayable[left],
        training=data.select(kept),
    )


def judge(
    champion: Interest,
    challenger: Interest,
    tried: Trial,
    config: GateConfig,
    *,
    seed: int,
    logged: Logged | None = None,
) -> Verdict:
    """Ask both models. Where logged decisions tell, the lower bound on what they earn has to be above zero as well."""
    ties = catalogue_ties(tried.training, seed)
    values = [
        [case_values(model, cases, ties, k=config.k) for cases in (tried.new, tried.old)]
        for model in (champion, challenger)
    ]
    (champion_new, champion_old), (challenger_new, challenger_old) = values
    new = _bound(challenger_new - champion_new, tried.new.histories.users, config, seed=seed)
    earned, refused = None, ""
    if logged is not None:
        try:
            earned = logged(champion, challenger)
        except DataError as error:
            refused = error.message
    before, after = _mean(champion_old), _mean(challenger_old)
    reason, wins = _reason(new, before, after, earned, config)
    return Verdict(
        wins=wins,
        reason=reason,
        new=new,
        champion_new=_mean(champion_new),
        challenger_new=_mean(challenger_new),
        champion_old=before,
        challenger_old=after,
        old_cases=len(tried.old),
        logged=earned,
        logged_refused=refused,
    )


def case_values(model: Interest, cases: Cases, ties: RowArray, *, k: int) -> DoubleArray:
    """NDCG@k of each case, (B,), in a catalogue of ``len(ties)`` items of which the model may know only the first."""
    values = [np.zeros(0)]
    size = rows_at_once(len(ties))
    for start in range(0, len(cases), size):
        part = cases.take(slice(start, start + size))
        ranks = target_ranks(scores(model, part.histories, len(ties)), part, ties=ties, exclude_history=True)
        values.append(ndcg_at(ranks, part.target_indptr, k))
    return np.concatenate(values)


def scores(model: Interest, histories: Histories, n_items: int) -> FloatArray:
    """(B, I) of a model that may know only the first items, and that reads those alone; the others are below all."""
    known = len(model.tracker.item_vectors)
    found = model.score(histories.keep(histories.items < known) if (histories.items >= known).any() else histories)
    if known == n_items:
        return found
    below = np.repeat(found.min(axis=1, keepdims=True) - 1.0, n_items - known, axis=1)
    return np.concatenate([found, below.astype(found.dtype)], axis=1)


def _reason(new: Bound, before: float, after: float, earned: Bound | None, config: GateConfig) -> tuple[str, bool]:
    if new.cases < config.fewest_cases:
        return f"{new.cases} held-out cases are too few to tell; at least {config.fewest_cases} are needed", False
    if new.low <= config.margin:
        return f"the new period's lower bound {new.low:+.4f} is not above the margin {config.margin:g}", False
    if after < before * (1 - config.most_forgotten):
        share = 1 - after / before
        return f"{share:.1%} of the old period is forgotten; at most {config.most_forgotten:.1%} may be", False
    if earned is not None and earned.low <= 0:
        return f"the lower bound of what it earns from logged decisions is {earned.low:+.4f}, not above 0", False
    return f"the new period's lower bound {new.low:+.4f} is above the margin {config.margin:g}", True


def _bound(differences: DoubleArray, users: Any, config: GateConfig, *, seed: int) -> Bound:
    what = f"NDCG@{config.k} of held-out new events, users drawn again (percentile bootstrap)"
    if not len(differences):
        return Bound(value=0.0, low=0.0, high=0.0, cases=0, what=what)
    sums = by_user(differences[:, None], users)
    low, high = bootstrap_intervals(sums, level=config.level, seed=seed)
    return Bound(
        value=float(differences.mean()), low=float(low[0]), high=float(high[0]), cases=len(differences), what=what
    )


def _last(owners: IntArray, among: BoolArray) -> IntArray:
    """The last event of each user where `among` holds, ascending."""
    places = np.flatnonzero(among)
    ends = np.append(owners[places][1:] != owners[places][:-1], True) if len(places) else np.zeros(0, dtype=np.bool_)
    return np.asarray(places[ends])


def _cases(histories: Histories, owners: IntArray, places: IntArray) -> Cases:
    rows = owners[places]
    begin = np.zeros(len(rows), dtype=np.int64)
    return next_item(histories.between(rows, begin, places - histories.indptr[rows] + 1))


def _mean(values: DoubleArray) -> float:
    return float(values.mean()) if len(values) else 0.0
