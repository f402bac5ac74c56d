"""What a challenger would have earned from logged decisions: the gate's second question, by off-policy evaluation.

Each decision is asked again with every eligible item's score moved by what the two models say differently of it,

    s'_i = s_i + f_challenger(u, i) − f_champion(u, i),      u the user's history before the decision,

so that what was added beside the model (edits, corrections, rules) stays, and with the policy that is to serve. The
value is by the estimator that the rules of `penchant.evaluation.off_policy` choose, the bound the lower end of its
interval.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from penchant.continual.gate import Bound, Logged, scores
from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.errors import DataError
from penchant.evaluation.off_policy.estimates import EstimateConfig
from penchant.evaluation.off_policy.evaluating import evaluate_policy
from penchant.feedback.attribution import Rewarded
from penchant.interfaces import Policy
from penchant.models.hybrid import Interest


def earned_from(
    rewarded: Sequence[Rewarded],
    policy: Policy,
    dataset: Dataset,
    *,
    name: str,
    interval: str = "bootstrap",
    config: EstimateConfig | None = None,
) -> Logged:
    """The question for the gate (`judge`): decisions with their rewards, the policy that is to serve, and the dataset
    that has what users did before each decision. `DataError` where its clock counts positions, since decisions have
    dates; the question raises it where the log does not overlap with what the challenger would do.
    """
    if dataset.clock != "time":
        raise DataError(
            "Decisions have dates, and this dataset's events have positions.", hint="Judge by held-out events alone."
        )

    def question(champion: Interest, challenger: Interest) -> Bound:
        moved = [_asked_again(one, champion, challenger, dataset) for one in rewarded]
        found = evaluate_policy(moved, policy, name=name, estimators=(), config=config).gain
        if found.value is None or interval not in found.intervals:
            raise DataError(found.refused or f"There is no {interval} interval.", hint="See `penchant ope`.")
        low, high = found.intervals[interval]
        what = f"reward of a decision above what was earned; {'; '.join(found.notes)}, {interval} interval"
        return Bound(value=found.value, low=low, high=high, cases=found.rounds, what=what)

    return question


def _asked_again(one: Rewarded, champion: Interest, challenger: Interest, dataset: Dataset) -> Rewarded:
    decision = one.decision
    rows = dataset.items.rows(decision.eligible)
    history = _before(dataset, decision.user_id, decision.decided_at)
    n = dataset.n_items
    difference = scores(challenger, history, n)[0].astype(np.float64) - scores(champion, history, n)[0]
    shift = np.where(rows >= 0, difference[np.maximum(rows, 0)], 0.0)
    return replace(one, decision=replace(decision, scores=tuple((np.array(decision.scores) + shift).tolist())))


def _before(dataset: Dataset, user_id: str, moment: int) -> Histories:
    """What a user did before a moment (B = 1)."""
    row = dataset.users.row(user_id)
    history = dataset.histories(np.array([max(row, 0)], dtype=np.int32))
    return history.keep((history.timestamps < moment) & (row >= 0))
