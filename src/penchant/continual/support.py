"""How much of what a challenger would show none of the logged decisions could have shown.

A decision tells of its eligible items alone: the shortlist of its champion. The challenger would bring one of its own,
in which what was not eligible stands with

    s'_j = f_challenger(u, j) + median_i (s_i − f_champion(u, i)),      i eligible, u the history before the decision

Not counted is what would not come under the challenger either: what is in the history, and what a rule kept out. Rules
are not in a log; but an item was kept out if the champion's score was enough for its shortlist, though what stood
beside the model (edits, corrections) had spoken as ill of it as of any eligible item:

    f_champion(u, j) + min_i (s_i − f_champion(u, i)) ≥ the last score of the shortlist

and everything the champion knew was eligible or kept out where fewer items were than a shortlist has and than the
first stage looks for. Unsupported is the share of the K places that the policy would give to the challenger's
newcomers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from penchant.continual.gate import scores
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.evaluation.off_policy.logged_dial import LoggedDial
from penchant.evaluation.off_policy.replaying import Asked, arms_of, policy_at
from penchant.exploration.policies.greedy import Greedy, GreedyConfig
from penchant.feedback.attribution import Rewarded
from penchant.interfaces import Policy
from penchant.models.holdout import rows_at_once
from penchant.models.hybrid import Interest
from penchant.records import Decision
from penchant.reranking.choosing import shortlist_size
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray, IntArray

MOST_ASKED = 500
"""Decisions, at most: of a share of 5 % the standard error is then 1 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomers:
    """Items on a challenger's shortlist that were not eligible, beside those that were."""

    items: IntArray
    """(M,) rows"""
    scores: DoubleArray
    """(M,) s', see above"""
    eligible: DoubleArray
    """(E,) the scores of the eligible as the challenger moves them"""


def asked_of(rewarded: Sequence[Rewarded]) -> list[Rewarded]:
    """The decisions that are asked: all, or `MOST_ASKED` spread evenly over them."""
    places = np.linspace(0, len(rewarded) - 1, min(MOST_ASKED, len(rewarded))).astype(int)
    return [rewarded[n] for n in places.tolist()]


def unsupported_share(
    rewarded: Sequence[Rewarded],
    before: Histories,
    champion: Interest,
    challenger: Interest,
    dataset: Dataset,
    policy: Asked,
    *,
    pool: int,
    seed: int,
) -> float:
    """The mean over decisions of the share of places that would go to newcomers. `before` (B) is what the user of each
    did before it, `pool` how many candidates the first stage looked for at least. Of the dial, whose look around stays
    as it was, the places of the best are asked.
    """
    known, total = len(champion.tracker.item_vectors), 0.0
    size = rows_at_once(dataset.n_items)
    for start in range(0, len(rewarded), size):
        part = rewarded[start : start + size]
        read = before.take(np.arange(start, start + len(part)))
        now, then = (scores(model, read, dataset.n_items).astype(np.float64) for model in (challenger, champion))
        for row, one in enumerate(part):
            possible = np.ones(dataset.n_items, dtype=np.bool_)
            possible[read.items[read.of(row)]] = False
            found = newcomers(one.decision, now[row], then[row], possible, dataset, known=known, pool=pool)
            total += _share(one.decision, found, dataset, policy, seed) if len(found.items) else 0.0
    return total / len(rewarded)


def newcomers(
    decision: Decision,
    now_I: DoubleArray,
    then_I: DoubleArray,
    possible_I: BoolArray,
    dataset: Dataset,
    *,
    known: int,
    pool: int,
) -> Newcomers:
    """Of a decision, given what challenger and champion say of all items, the first `known` of which the champion
    knows; `possible_I` are items that are not in the history.
    """
    rows, k = dataset.items.rows(decision.eligible), len(decision.slots)
    said = np.array(decision.scores, dtype=np.float64)
    there = rows >= 0
    beside = said[there] - then_I[rows[there]]
    open_I = possible_I.copy()
    open_I[rows[there]] = False
    n = min(len(said), shortlist_size(k))
    if len(said) < min(shortlist_size(k), max(pool, 2 * k)):
        open_I[:known] = False
    elif there.any():
        open_I[:known] &= then_I[:known] + beside.min() < np.sort(said)[len(said) - n]
    outside = np.flatnonzero(open_I)
    offset = float(np.median(beside)) if there.any() else 0.0
    moved = said.copy()
    moved[there] += (now_I - then_I)[rows[there]]
    brought = now_I[outside] + offset
    best = np.argsort(-np.concatenate([moved, brought]), kind="stable")[:n]  # of equals what was eligible
    kept = best[best >= len(moved)] - len(moved)
    return Newcomers(items=outside[kept], scores=brought[kept], eligible=moved)


def _share(decision: Decision, found: Newcomers, dataset: Dataset, policy: Asked, seed: int) -> float:
    """Of the K places, how many the policy would give to newcomers, over one draw of the slate: the mean of the exact
    probabilities at each place. A newcomer is as uncertain as the eligible are in the median.
    """
    uncertain = (float(np.median(decision.variances)),) * len(found.items)
    wider = replace(
        decision,
        eligible=(*decision.eligible, *(dataset.items.ids[row] for row in found.items.tolist())),
        scores=(*found.eligible.tolist(), *found.scores.tolist()),
        variances=(*decision.variances, *uncertain),
    )
    asked: Policy = Greedy(GreedyConfig()) if isinstance(policy, LoggedDial) else policy_at(policy, decision)
    arms, k, rng = arms_of(wider), len(decision.slots), numpy_rng(seed, "support", decision.slate_id)
    turn, outside = asked.begin(arms, k, rng=rng), 0.0
    open_N, nothing = np.ones(len(arms), dtype=np.bool_), np.zeros(len(arms))
    for _ in range(k):
        outside += float(turn.probabilities(open_N, nothing)[len(decision.eligible) :].sum())
        n, _ = turn.pick(open_N, nothing, rng)
        open_N[n] = False
    return outside / k
