"""How far a word must move an interest for its user to see it."""

from dataclasses import replace

import numpy as np

from penchant.data.polarity import AGAINST
from penchant.pipeline.live import Live
from penchant.pipeline.slates import serve
from penchant.pipeline.standing import Catalogue
from penchant.records import Edit
from penchant.types import BoolArray, DoubleArray

FIRST = 10
"""Items among which it is to be seen."""
HALVINGS = 10
FURTHER = (1.25, 1.6, 2.0, 3.0)
"""Times what was found, where that does not do on the slate itself."""
MARGIN = 1.02
"""A little more than is needed, so that rounding does not take it back."""


def visible_step(live: Live, user_id: str, column: int, *, least: float, down: bool = False) -> float:
    """Standard deviations, `least` at least: the smallest step that changes what share of a user's first items is of a
    concept or of those below it. At most `most_step`; `least` where that would not do either: then there is nothing to
    be had, or nothing to be taken away.

    The share is Σ over the first items of b_i = w g_τ Σ_c a_ic deviation_c, with s_i + e·b_i for their order; w is what
    his own word weighs. It never falls as e grows, so the step is found by halving.
    """
    vocabulary, catalogue = live.fitted.vocabulary, Catalogue.of(live, user_id)
    members = vocabulary.family[column]
    weights = live.config.editing.weight * catalogue.per_strength[members]
    pull = np.asarray(vocabulary.activations[:, members] @ weights, dtype=np.float64).ravel()
    allowed = ~live.excluded(catalogue.raw, live.edits(user_id))
    allowed[catalogue.raw.items[~live.timeline.of_types(catalogue.raw, AGAINST)]] = False
    scores, sign = catalogue.scores, -1.0 if down else 1.0
    now = _share(scores, pull, allowed)

    def seen(step: float) -> bool:
        return sign * (_share(scores + sign * step * pull, pull, allowed) - now) > 1e-9

    low, high = least, live.config.editing.most_step
    if seen(low) or not seen(high):
        return low
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    return float(high * MARGIN)


def confirmed_step(live: Live, edit: Edit, column: int) -> float:
    """The edit's strength, or the first of a few larger ones, with which the slate as served holds more of the concept
    and of those below it (after ``less``: less of it), by the sum of activations over the first items; its strength
    where none does.

    What `visible_step` finds is of all items of the catalogue in single precision, and of a share in which concepts
    below count by what ranks; the slate itself has the last word. The user's edits are left as they were.
    """
    step, was = float(edit.strength or 0.0), live.edits(edit.user_id)
    members = live.fitted.vocabulary.family[column]
    of = np.asarray(live.fitted.vocabulary.activations[:, members].sum(axis=1)).ravel()

    def exposure() -> float:
        slate = serve(
            live, edit.user_id, FIRST, exclude_seen=True, reranking=live.config.reranking, explain=False, bundle=""
        ).slate
        return float(of[live.fitted.dataset.items.rows([item.item_id for item in slate.items])].sum())

    before, sign = exposure(), -1.0 if edit.action == "less" else 1.0
    if sign < 0 and before == 0:
        return step
    larger = sorted({min(step * factor, max(step, live.config.editing.most_step)) for factor in (1.0, *FURTHER)})
    try:
        for tried in larger:
            live.stand(edit.user_id, was.then(live.placed(replace(edit, strength=tried))))
            if sign * (exposure() - before) > 1e-9:
                return tried
    finally:
        live.stand(edit.user_id, was)
    return step


def _share(scores_I: DoubleArray, pull_I: DoubleArray, allowed_I: BoolArray) -> float:
    """Σ b over the first items."""
    rows = np.flatnonzero(allowed_I)
    if len(rows) > FIRST:
        rows = rows[np.argpartition(-scores_I[rows], FIRST - 1)[:FIRST]]
    return float(pull_I[rows].sum())
