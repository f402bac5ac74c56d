"""How a slate was decided, as the log keeps it."""

from hashlib import blake2b

import numpy as np

from penchant.pipeline.exploring import Exploration, Look, Tries
from penchant.pipeline.live import Live
from penchant.records import Decision, LoggedSlot, Slate


def decision_of(live: Live, slate: Slate, look: Look, tries: Tries, *, stays: bool, request_id: str | None) -> Decision:
    """The decision behind a slate. Where values change from place to place, by a reranker, pins or quotas (`stays` is
    False), what another policy would have done cannot be told from it: it is not valid for estimates.
    """
    prefix, slots = 1.0, []
    for item in slate.items:
        prefix *= item.propensity
        slots.append(
            LoggedSlot(
                item_id=item.item_id,
                position=item.rank,
                propensity=item.propensity,
                prefix_propensity=prefix,
                explored=item.explored,
                tries=None if item.exploring is None else item.exploring.concept_id,
            )
        )
    ids, arms = live.fitted.dataset.items.ids, tries.arms
    return Decision(
        slate_id=slate.slate_id,
        user_id=slate.user_id,
        decided_at=live.microseconds(),
        policy=slate.policy,
        policy_version=version_of(look.settings),
        bundle=slate.bundle,
        slots=tuple(slots),
        seed=look.seed,
        eligible=tuple(ids[row] for row in arms.items.tolist()),
        scores=tuple(arms.means.tolist()),
        variances=tuple(arms.variances().tolist()),
        looks=() if tries.looks is None else tuple(None if np.isnan(v) else v for v in tries.looks.tolist()),
        context=_context(look, tries),
        request_id=request_id,
        ope_valid=stays,
    )


def _context(look: Look, tries: Tries) -> dict[str, float | str]:
    told: dict[str, float | str] = {"exploration_share": look.share}
    if tries.looks is not None:
        told |= {"look_scale": tries.look_scale, "look_epsilon": look.settings.epsilon}
    return told


def version_of(settings: Exploration) -> str:
    """Changes when a setting of the policy does; the share, which a request may set, is logged with each decision."""
    told = settings.model_dump_json(exclude={"share"})
    return blake2b(told.encode(), digest_size=4).hexdigest()
