"""Whether a challenger takes the champion's place: only where it is surely better on what came, and has not forgotten.

Where a log of decisions can tell what the challenger would have earned (`penchant.continual.logged`), that decides:
the lower end of the interval of its value less what the champion earned has to be above zero. Where it cannot, the
reason is told and held-out events decide:

    d_b = NDCG@k(challenger, b) − NDCG@k(champion, b),      b: the last new event of a user, learned by neither

The challenger wins where the lower end of the interval of mean d is above the margin. Both are asked with the same
histories, over the whole catalogue with the history left out; items that the champion does not know come last with it,
since it cannot serve them. Whatever decides, one that is surely worse on held-out events, or that has forgotten, stays
out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from penchant.continual.trial import GateConfig, Trial
from penchant.data.histories import Cases, Histories
from penchant.errors import DataError
from penchant.metrics.ranking import ndcg_at, target_ranks
from penchant.metrics.significance import bootstrap_intervals, by_user
from penchant.models.holdout import catalogue_ties, rows_at_once
from penchant.models.hybrid import Interest
from penchant.types import DoubleArray, FloatArray, RowArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A difference between challenger and champion with its interval."""

    value: float
    low: float
    high: float
    cases: int
    what: str
    """Of what, and by what estimator"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """What a challenger would have earned from logged decisions."""

    gain: Bound
    """Reward of a decision above what the champion earned"""
    champion: float
    """Reward of a decision as it was earned"""
    policy: str
    """That served"""
    estimator: str
    """By the stated rule"""
    left_out: Mapping[str, int]
    """Decisions and events that could not be used, by the reason"""
    unsupported: float
    """Share of the places that would go to items that no decision could have shown (`penchant.continual.support`)"""


Logged = Callable[[Interest, Interest], Earned]
"""Champion and challenger to what the challenger would have earned. `DataError` where the log cannot tell."""
HELD_OUT, DECISIONS = "held-out events", "logged decisions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says."""

    wins: bool
    decided_by: str
    """`HELD_OUT` or `DECISIONS`"""
    reason: str
    new: Bound
    champion_new: float
    challenger_new: float
    champion_old: float
    challenger_old: float
    old_cases: int
    logged: Earned | None = None
    logged_refused: str = ""
    """Why logged decisions cannot tell"""

    @property
    def backward_transfer(self) -> float:
        """Challenger less champion on the old period, in NDCG: below 0 something was forgotten."""
        return self.challenger_old - self.champion_old


def judge(
    champion: Interest,
    challenger: Interest,
    tried: Trial,
    config: GateConfig,
    *,
    seed: int,
    logged: Logged | None = None,
    refused: str = "",
) -> Verdict:
    """Ask both models; `refused` says why there is no question to logged decisions."""
    ties = catalogue_ties(tried.training, seed)
    values = [
        [case_values(model, cases, ties, k=config.k) for cases in (tried.new, tried.old)]
        for model in (champion, challenger)
    ]
    (champion_new, champion_old), (challenger_new, challenger_old) = values
    new = _bound(challenger_new - champion_new, tried.new.histories.users, config, seed=seed)
    earned = None
    if logged is not None:
        try:
            earned = logged(champion, challenger)
        except DataError as error:
            refused = error.message
    before, after = _mean(champion_old), _mean(challenger_old)
    reason, wins = _reason(new, before, after, earned, config)
    return Verdict(
        wins=wins,
        decided_by=HELD_OUT if earned is None else DECISIONS,
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


def _reason(new: Bound, before: float, after: float, earned: Earned | None, config: GateConfig) -> tuple[str, bool]:
    if earned is not None:
        said, above = f"the lower bound of what it earns is {earned.gain.low:+.4f} a decision", earned.gain.low > 0
        if not above:
            return f"{said}, not above 0", False
        if new.cases >= config.fewest_cases and new.high < 0:
            return f"{said}, but on held-out events it is surely worse: at most {new.high:+.4f}", False
    else:
        said, above = f"the new period's lower bound is {new.low:+.4f}", new.low > config.margin
        if new.cases < config.fewest_cases:
            return f"{new.cases} held-out cases are too few to tell; at least {config.fewest_cases} are needed", False
        if not above:
            return f"{said}, not above the margin {config.margin:g}", False
    if after < before * (1 - config.most_forgotten):
        share = 1 - after / before
        return f"{share:.1%} of the old period is forgotten; at most {config.most_forgotten:.1%} may be", False
    return f"{said}, above {0 if earned is not None else config.margin:g}", True


def _bound(differences: DoubleArray, users: Any, config: GateConfig, *, seed: int) -> Bound:
    what = f"NDCG@{config.k} of held-out new events, users drawn again (percentile bootstrap)"
    if not len(differences):
        return Bound(value=0.0, low=0.0, high=0.0, cases=0, what=what)
    sums = by_user(differences[:, None], users)
    low, high = bootstrap_intervals(sums, level=config.level, seed=seed)
    return Bound(
        value=float(differences.mean()), low=float(low[0]), high=float(high[0]), cases=len(differences), what=what
    )


def _mean(values: DoubleArray) -> float:
    return float(values.mean()) if len(values) else 0.0
