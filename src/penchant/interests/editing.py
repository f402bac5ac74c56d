"""What a user says of an interest himself, as arithmetic.

Two kinds of word. *More*, *less* and *added* tell where his interest lies, and that is evidence: a Gaussian observation
of the belief's correction, taken in its place among his events, with V = 1ᵀP_c1 what is not yet known of it,

    1ᵀm_c  =  (1ᵀm_c before) + step_c (r + V)/V  ±  √r,        r = doubt · (v_short + v_long)

The value is such that the interest moves by exactly one step, whatever was known before; a step that would take what
was said of it beyond the limit is cut there, so that words never wind up and the next one against them moves it at
once. Afterwards events have less left to tell of it, and it fades on the belief's two time scales. *Pin* and *mute* are
no evidence: they stand beside the belief as they are until taken back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.interests.belief import Belief, Observation, told, update
from penchant.interests.belief_step import BeliefConfig, summed
from penchant.types import DoubleArray


class EditingConfig(Config):
    """How much a user's own word counts; all but `weight`, `doubt` and `mute_above` in standard deviations over users,
    as the profile shows them.
    """

    weight: float = Field(default=2.5, gt=0)
    """In the ranking his own word counts so many times what is read of him: one standard deviation of what is read
    moves an item by a small part of what lies between it and the first ten, and a word is to be seen."""
    step: float = Field(default=0.25, gt=0)
    """``more`` and ``less`` move an interest by this, up or down, and further where that would not be seen."""
    add: float = Field(default=1.0, gt=0)
    """``add`` moves it up by this, and further where that would not be seen."""
    pin: float = Field(default=0.25, gt=0)
    """A pinned interest is shifted by this, and further where that would not be seen; it does not fade."""
    most_step: float = Field(default=9.0, gt=0)
    """No word moves an interest further than this to be seen."""
    limit: float = Field(default=10.0, gt=0)
    """All that was said of one interest moves it at most so far; a muted one is shifted so far down."""
    doubt: float = Field(default=0.25, gt=0)
    """r over the prior variance of a correction: at 0.25 a first word leaves a fifth of it."""
    mute_above: float = Field(default=0.0, ge=0)
    """Items whose activation of a muted concept is above this are never served. At 0 all that are of the concept, also
    where that does not move their place."""

    tags: str | None = None
    """A column of users' attributes whose tags are loaded as ``add`` edits: lists, or text parted at ``| , ;``."""

    def step_of(self, action: str) -> float:
        """By how much an action moves its interest, signed, in standard deviations; 0 for what is no evidence of it."""
        return {"more": self.step, "less": -self.step, "add": self.add}.get(action, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A user's word on one concept, in its place among his events."""

    moment: float
    """On the declared clock: positions, or days."""
    edit_id: str
    concept: int
    step: float
    """By how much more it is than what is believed, in the belief's units (log odds)."""
    most: float = math.inf
    """All that was said of the concept moves it at most so far up or down, this word included; in the same units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedBelief:
    """A belief that knows a user's words beside the one that does not."""

    told: Belief
    plain: Belief

    def part(self, n_concepts: int, now: float, config: BeliefConfig) -> DoubleArray:
        """What is due to the words: corrections with them less those without, (C,)."""
        return self.told.corrections(n_concepts, now, config) - self.plain.corrections(n_concepts, now, config)


def with_edits(
    events: Sequence[tuple[float, str, Observation]],
    tellings: Sequence[Telling],
    config: BeliefConfig,
    *,
    doubt: float,
    start: Belief | None = None,
) -> EditedBelief:
    """The belief after events (time, event id, observation) and words, each in its place: by time, words before events
    of the same moment (where the clock counts events, that moment is the next event's), then by id.

    `start` is a snapshot from before the first of them. O(concepts of the items) for each event, and nothing is done
    twice before the first word. `DataError` for what is no observation.
    """
    plain = spoken = start or Belief.nothing()
    noise = doubt * sum(config.widths)
    entries: list[tuple[float, int, str, int, Observation | Telling]] = []
    entries += [(moment, 1, event_id, 0, seen) for moment, event_id, seen in events]
    entries += [(one.moment, 0, one.edit_id, one.concept, one) for one in tellings]
    for moment, _, _, _, entry in sorted(entries, key=lambda e: e[:4]):
        if isinstance(entry, Observation):
            same, plain = plain is spoken, update(plain, entry, moment, config)
            spoken = plain if same else update(spoken, entry, moment, config)
        else:
            concept = np.array([entry.concept])
            means, covariances = spoken.of(concept, moment, config)
            unknown, believed = float(summed(covariances)[0]), float(means.sum())
            said = believed - float(plain.of(concept, moment, config)[0].sum())
            step = _within(_within(said, entry.most) + entry.step, entry.most) - said
            value = believed + step * (noise + unknown) / unknown
            spoken = told(spoken, entry.concept, value, noise, moment, config)
    return EditedBelief(told=spoken, plain=plain)


def _within(value: float, most: float) -> float:
    """The value, at most so far from 0; NaN stays what it is."""
    return min(max(value, -most), most)
