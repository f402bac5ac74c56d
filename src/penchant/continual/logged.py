"""What a challenger would have earned from logged decisions: the gate's first question, by off-policy evaluation.

Each decision is asked again with every eligible item's score moved by what the two models say differently of it,

    s'_i = s_i + f_challenger(u, i) − f_champion(u, i),      u the user's history before the decision,

so that what was added beside the model (edits, corrections, rules) stays, and with the policy that served: what is
compared are two models under one policy, and its probabilities of what was served have to be those in the log. (Of the
dial the order moves; where it looks around stays the champion's.) Items that the challenger alone would bring are in
no decision: where they would take more than a few of the places, nothing is told (`penchant.continual.support`). The
value is by the estimator that the rules of `penchant.evaluation.off_policy` choose, the bound the lower end of its
interval.

Only decisions of the champion itself count. Of the users with decisions a share judges, drawn before anything of what
came of them is looked at; their answers are learned by nobody. Without that the challenger would be praised for
clicks that it has learned.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.continual.coming import Coming
from penchant.continual.gate import Bound, Earned, Logged, scores
from penchant.continual.support import asked_of, unsupported_share
from penchant.data.dataset import Dataset
from penchant.data.growth import Growth
from penchant.data.histories import Histories
from penchant.errors import DataError, PenchantError
from penchant.evaluation.off_policy.decisions import check_logger
from penchant.evaluation.off_policy.estimates import EstimateConfig
from penchant.evaluation.off_policy.evaluating import evaluate_policy
from penchant.evaluation.off_policy.logging_policy import logging_policy
from penchant.evaluation.off_policy.replaying import Asked, answerable
from penchant.feedback.attribution import AttributionConfig, Rewarded, attribute
from penchant.models.holdout import rows_at_once
from penchant.models.hybrid import Interest
from penchant.records import Decision
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray, IntArray

ALWAYS, NEVER = np.iinfo(np.int64).min, np.iinfo(np.int64).max
INTERVAL = "bootstrap"


class LoggedConfig(Config):
    """How decisions are asked."""

    policy: str | None = None
    """That served; None: as the log names it."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Its settings; none: as the log has them"""
    attribution: AttributionConfig = AttributionConfig()
    """When and how much an event counts for a decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """Decisions that judge, and what must not be learned because of them."""

    rewarded: Sequence[Rewarded]
    policy: Asked
    name: str
    withheld: BoolArray
    """(N,) events of the grown dataset that answer them"""
    left_out: Mapping[str, int] = field(default_factory=dict)


def judging(came: Coming, growth: Growth, bundle: str, config: LoggedConfig, *, share: float, seed: int) -> Judging:
    """The decisions that a bundle took and that can judge. `DataError` with the reason where there are none."""
    if not came.decisions:
        raise DataError("there are no logged decisions", hint="Give the store of `penchant serve`.")
    rewarded, report = attribute(came.decisions, came.answers, config.attribution)
    left_out = Counter({f"decisions {reason}": n for reason, n in report.decisions_left_out.items()})
    own = [one for one in rewarded if one.decision.bundle == bundle]
    left_out["decisions of another version"] += len(rewarded) - len(own)
    if not own:
        raise DataError(
            f"none of {len(came.decisions)} logged decisions that can be used was taken by {bundle}",
            hint="Decisions of other versions say nothing of this one.",
        )
    open_ = [one for one in own if any(slot.propensity < 1.0 for slot in one.decision.slots)]
    left_out["decisions that were certain"] += len(own) - len(open_)
    if not open_:
        raise DataError(
            f"{len(own)} decisions were certain of all they served: what else would have earned is in no log",
            hint="Serve with some exploration.",
        )
    logged_by = Counter(one.decision.policy for one in open_).most_common(1)[0][0]
    kept = [one for one in open_ if one.decision.policy == logged_by]
    left_out["decisions of another policy"] += len(open_) - len(kept)
    users = sorted({one.decision.user_id for one in kept})
    drawn = numpy_rng(seed, "judging users").permutation(len(users))[: max(1, round(share * len(users)))]
    judges = {users[n] for n in drawn.tolist()}
    asked = [one for one in kept if one.decision.user_id in judges]
    left_out["decisions of users who do not judge"] += len(kept) - len(asked)
    if not any(any(one.rewards) for one in asked):
        raise DataError(
            f"nothing was earned in {len(asked)} decisions", hint="Say what events are worth: [logged.attribution]."
        )
    name = config.policy or logged_by
    try:
        policy = logging_policy(name, config.settings)
        asked, lacking = answerable(asked, policy)
        if not asked:
            raise DataError(f"no decision of {logged_by} can be asked again with {name} ({', '.join(lacking)})")
        check_logger(asked, policy)
    except PenchantError as error:
        raise DataError(error.message.rstrip("."), hint=error.hint) from None
    left_out += Counter({f"decisions with {reason.replace('_', ' ')}": n for reason, n in lacking.items()})
    slates = {one.slate_id for one in came.decisions if one.user_id in judges}  # tries again of one request too
    naming = {event.event_id for event in came.answers if event.slate_id in slates}
    return Judging(
        rewarded=asked,
        policy=policy,
        name=name,
        withheld=_answering(growth, moments_of(growth, came.moments), naming, _served(came.decisions, judges)),
        left_out={reason: n for reason, n in left_out.items() if n},
    )


def _served(decisions: Iterable[Decision], users: Collection[str]) -> dict[tuple[str, str], int]:
    """When each of these users was first served an item."""
    first: dict[tuple[str, str], int] = {}
    for one in decisions:
        for slot in one.slots if one.user_id in users else ():
            key = (one.user_id, slot.item_id)
            first[key] = min(one.decided_at, first.get(key, one.decided_at))
    return first


def _answering(
    growth: Growth, moments_N: IntArray, naming: Collection[str | None], served: Mapping[tuple[str, str], int]
) -> BoolArray:
    """(N,) new events that name a slate, or take what their user had been served before: a shop's purchases often
    name none, and who learned one has seen the answer.
    """
    data, found = growth.dataset, np.zeros(len(growth.new), dtype=np.bool_)
    for n in np.flatnonzero(growth.new).tolist():
        item = int(data.events.items[n])
        took = (data.users.ids[data.events.users[n]], data.items.ids[item]) if item >= 0 else None
        since = None if took is None else served.get(took)
        found[n] = data.event_id(int(data.events.keys[n])) in naming or (since is not None and moments_N[n] >= since)
    return found


def moments_of(growth: Growth, moments: Mapping[str, int]) -> IntArray:
    """(N,) when each event of a grown dataset happened. Where its clock counts positions, what is not new happened
    before all decisions; a new event without a moment, after them.
    """
    data = growth.dataset
    if data.clock == "time":
        return np.asarray(data.events.timestamps, dtype=np.int64)
    found = np.full(len(data.events), ALWAYS, dtype=np.int64)
    for n in np.flatnonzero(growth.new).tolist():
        found[n] = moments.get(data.event_id(int(data.events.keys[n])), NEVER)
    return found


def earned_from(
    judging: Judging, dataset: Dataset, moments_N: IntArray, *, pool: int, config: EstimateConfig | None = None
) -> Logged:
    """The question for the gate (`penchant.continual.gate.judge`). `dataset` has what users did before each decision,
    `moments_N` when each of its events happened, `pool` how many candidates the champion looked for. It raises
    `DataError` where the log does not overlap with what the challenger would do.
    """
    config = config or EstimateConfig()

    def question(champion: Interest, challenger: Interest) -> Earned:
        few = asked_of(judging.rewarded)
        before = histories_before(few, dataset, moments_N)
        unsupported = unsupported_share(
            few, before, champion, challenger, dataset, judging.policy, pool=pool, seed=config.seed
        )
        if unsupported > config.most_unsupported:
            raise DataError(
                f"no overlap: {unsupported:.1%} of the places would go to items that were not eligible in the log "
                f"(at most {config.most_unsupported:.1%})",
                hint="Held-out events can tell.",
            )
        moved = asked_again(judging.rewarded, champion, challenger, dataset, moments_N)
        found = evaluate_policy(moved, judging.policy, name=judging.name, estimators=(), config=config)
        gain = found.gain
        if gain.value is None or INTERVAL not in gain.intervals:
            raise DataError(gain.refused or f"there is no {INTERVAL} interval", hint="See `penchant ope`.")
        low, high = gain.intervals[INTERVAL]
        what = f"reward of a decision above what was earned, by {found.chosen} ({INTERVAL} interval)"
        return Earned(
            gain=Bound(value=gain.value, low=low, high=high, cases=gain.rounds, what=what),
            champion=float(found.logged.value or 0.0),
            policy=judging.name,
            estimator=found.chosen,
            left_out=judging.left_out,
            unsupported=unsupported,
        )

    return question


def asked_again(
    rewarded: Sequence[Rewarded], champion: Interest, challenger: Interest, dataset: Dataset, moments_N: IntArray
) -> list[Rewarded]:
    """The decisions with their scores moved to what the challenger says."""
    found: list[Rewarded] = []
    size = rows_at_once(dataset.n_items)
    for start in range(0, len(rewarded), size):
        part = rewarded[start : start + size]
        before = histories_before(part, dataset, moments_N)
        said = [scores(model, before, dataset.n_items).astype(np.float64) for model in (challenger, champion)]
        found += [_moved(one, row, dataset) for one, row in zip(part, said[0] - said[1], strict=True)]
    return found


def histories_before(rewarded: Sequence[Rewarded], dataset: Dataset, moments_N: IntArray) -> Histories:
    """What the user of each decision did before it: his events up to the first that did not happen before."""
    histories = dataset.histories()
    moments = moments_N[dataset.events.items >= 0]
    known = [dataset.users.row(one.decision.user_id) for one in rewarded]
    ends = []
    for row, one in zip(known, rewarded, strict=True):
        mine = moments[histories.indptr[row] : histories.indptr[row + 1]] if row >= 0 else moments[:0]
        later = np.flatnonzero(mine >= one.decision.decided_at)
        ends.append(int(later[0]) if len(later) else len(mine))
    rows = np.maximum(np.array(known, dtype=np.int64), 0)
    return histories.between(rows, np.zeros(len(rows), dtype=np.int64), np.array(ends, dtype=np.int64))


def _moved(one: Rewarded, difference_I: DoubleArray, dataset: Dataset) -> Rewarded:
    """Eligible items that the dataset does not have keep their scores."""
    decision = one.decision
    rows = dataset.items.rows(decision.eligible)
    shift = np.where(rows >= 0, difference_I[np.maximum(rows, 0)], 0.0)
    return replace(one, decision=replace(decision, scores=tuple((np.array(decision.scores) + shift).tolist())))
