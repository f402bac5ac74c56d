"""Reading a user's profile from the live state."""

import numpy as np

from penchant.data.histories import Histories
from penchant.interests.profile import Readings, against_weights, build_profile
from penchant.pipeline.edits import Edits
from penchant.pipeline.live import Live
from penchant.records import Evidence, Profile
from penchant.types import DoubleArray, IntArray


def read_profile(live: Live, user_id: str, *, as_of: int | None, limit: int) -> Profile:
    """The user's interests now, or as they were at `as_of` (then without edits, which are not dated)."""
    fitted = live.fitted
    raw = live.timeline.history(user_id, as_of=as_of)
    moment = live.moment(raw) if as_of is None else as_of
    edits = live.edits(user_id) if as_of is None else Edits()
    if not len(raw.items) and not edits:
        return Profile(user_id=user_id, as_of=moment, interests=(), events=0, cold=True)
    history = live.consumed(raw)
    now, before = live.strengths(Histories.stack([history, history.without_tail(live.config.profile.recent)]))
    readings = Readings(
        items=raw.items,
        polarity=live.polarity(raw),
        timestamps=raw.timestamps,
        now=now,
        before=before,
        correction=live.correction(raw),
        edits=edits.vector(fitted.vocabulary.family),
        edited=edits.columns,
    )
    consumed = live.consumption(raw)
    place = np.cumsum(consumed) - 1
    reach = len(history.items) - fitted.model.tracker.config.max_length

    def effects(events: IntArray, concepts: list[int]) -> DoubleArray:
        """By how much each strength changes when an event is left out.

        That is the tracker's change, 0 beyond what it still sees, and the correction of an event against its item.
        """
        against = against_weights(readings.polarity, live.config.profile)[events]
        touched = fitted.vocabulary.activations[readings.items[events]][:, concepts].toarray()
        moved = -against[:, None] * touched.astype(np.float64)
        inside = consumed[events] & (place[events] >= reach)
        if inside.any():
            without = live.strengths(history.leaving_out(place[events[inside]]))
            moved[inside] += (now - without)[:, concepts]
        return moved

    def evidence(event: int, effect: float) -> Evidence:
        item = int(raw.items[event])
        return Evidence(
            event_id=live.timeline.event_id(int(raw.keys[event])),
            item_id=fitted.dataset.items.ids[item],
            title=fitted.dataset.title(item),
            event_type=live.timeline.event_types[raw.types[event]],
            timestamp=int(raw.timestamps[event]),
            effect=effect,
        )

    return build_profile(
        readings,
        user_id=user_id,
        as_of=moment,
        vocabulary=fitted.vocabulary,
        population=fitted.population,
        config=live.config.profile,
        limit=limit,
        effects=effects,
        evidence=evidence,
        nouns=live.config.nouns,
        muted=frozenset(edits.silenced(fitted.vocabulary.family).tolist()),
    )
