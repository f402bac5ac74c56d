"""Reading a user's profile from the live state."""

import numpy as np

from penchant.data.histories import Histories
from penchant.interests.profile import Readings, TextReadings, build_profile
from penchant.interests.words import shortened
from penchant.pipeline.live import Live
from penchant.pipeline.sayings import Sayings
from penchant.records import Evidence, Profile
from penchant.types import DoubleArray, IntArray


def read_profile(
    live: Live, user_id: str, *, as_of: int | None, limit: int, only: frozenset[int] | None = None
) -> Profile:
    """The user's interests now, or as they were at `as_of`, with the edits made by then.

    Events that he has had forgotten are gone from every moment. Of the interests there are, `only` those of these
    concepts are told, None: all.
    """
    fitted = live.fitted
    raw = live.timeline.history(user_id, as_of=as_of)
    moment = live.moment(raw) if as_of is None else as_of
    edits = live.edits(user_id, as_of=as_of)
    if not len(raw.items) and not edits and not live.timeline.texts(user_id, as_of=as_of):
        return Profile(user_id=user_id, as_of=moment, interests=(), events=0, cold=True)
    history = live.consumed(raw)
    windows = Histories.stack([history, history.without_tail(live.config.profile.recent)])
    now, before = live.strengths(user_id, windows, as_of=(as_of, as_of))
    said = live.said(user_id, raw, as_of=as_of)
    steps = live.steps(user_id, raw, as_of=as_of)
    corrections = live.corrections(user_id, raw, as_of=as_of)
    own = live.edited(user_id, raw, edits, as_of=as_of)
    # What was only shown to him is no deed of his: it makes no interest, and no older one fades by it.
    said_of = live.polarity(raw) != 0
    raw, moves = raw.keep(said_of), steps.of_events[np.flatnonzero(said_of)]
    readings = Readings(
        items=raw.items,
        polarity=live.polarity(raw),
        timestamps=raw.timestamps,
        now=now,
        before=before,
        correction=corrections.sum(axis=1),
        lasting=corrections[:, 1],
        texts=TextReadings.none() if said is None else _texts(said, steps.of_sayings, live.beliefs.per_log_odd),
        edits=own,
        edited=edits.columns,
    )
    consumed = live.consumption(raw)
    place = np.cumsum(consumed) - 1
    reach = len(history.items) - fitted.model.tracker.config.max_length

    def effects(events: IntArray, concepts: list[int]) -> DoubleArray:
        """By how much each event moved each strength: the belief's step when it came, and the tracker's change when it
        is left out, 0 beyond what it still sees.
        """
        moved = moves[events][:, concepts].toarray() * live.beliefs.per_log_odd[concepts]
        inside = consumed[events] & (place[events] >= reach)
        if inside.any():
            left = history.leaving_out(place[events[inside]])
            without = live.strengths(user_id, left, as_of=[as_of] * len(left))
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

    texts = {one.key: one for one in live.timeline.texts(user_id, as_of=as_of)} if said is not None else {}

    def wrote(entry: int, effect: float) -> Evidence:
        key = int(said.keys[entry]) if said is not None else -1
        return Evidence(
            event_id=live.timeline.event_id(key),
            item_id=None,
            title=shortened(texts[key].text),
            event_type="search" if texts[key].search else "text",
            timestamp=texts[key].timestamp,
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
        only=only,
        effects=effects,
        evidence=evidence,
        said=wrote,
        nouns=live.config.nouns,
        muted=frozenset(edits.silenced(fitted.vocabulary.family).tolist()),
        pinned=frozenset(edits.pinned(fitted.vocabulary.family).tolist()),
    )


def _texts(said: Sayings, moved: DoubleArray, per_log_odd: DoubleArray) -> TextReadings:
    return TextReadings(
        concepts=said.concepts,
        labels=said.labels,
        effects=moved * per_log_odd[said.concepts],
        timestamps=said.timestamps,
    )
