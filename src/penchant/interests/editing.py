"""What a user says of an interest himself, as arithmetic.

Two kinds of word. *More*, *less* and *added* tell where his interest lies, and that is evidence: a Gaussian observation
of the belief's correction, taken in its place among his events,

    1ᵀm_c  =  (1ᵀm_c before)  +  step_c  ±  √r,        r = doubt · (v_short + v_long)

so that saying it twice moves less than twice as much, later events have less left to tell, and it fades on the belief's
two time scales. *Pin* and *mute* are no evidence: they stand beside the belief as they are until taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from penchant.config import Config
from penchant.errors import DataError
from penchant.interests.belief import Belief, Observation, told, update
from penchant.interests.belief_step import BeliefConfig
from penchant.types import DoubleArray

Word = Literal["more", "less", "add"]


class EditingConfig(Config):
    """How much a user's own word counts; all but `doubt` and `mute_above` in standard deviations over users."""

    step: float = Field(default=1.0, gt=0)
    """``more`` and ``less`` move an interest by this, one way or the other."""
    add: float = Field(default=2.0, gt=0)
    """``add`` moves it up by this."""
    pin: float = Field(default=3.0, gt=0)
    """A pinned interest is shifted by this, whatever else was said, and does not fade."""
    limit: float = Field(default=5.0, gt=0)
    """All that was said of one interest moves it at most so far; a muted one is shifted so far down."""
    doubt: float = Field(default=0.25, gt=0)
    """r over the prior variance of a correction: at 0.25 a first word moves a belief by 0.8 of what it says."""
    mute_above: float = Field(default=0.0, ge=0)
    """Items whose activation of a muted concept is above this are never served. At 0 all that are of the concept, also
    where that does not move their place."""

    def step_of(self, word: Word) -> float:
        """Signed, in standard deviations."""
        return {"more": self.step, "less": -self.step, "add": self.add}[word]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A user's word on one concept, in its place among his events."""

    moment: float
    """On the declared clock: positions, or days."""
    edit_id: str
    concept: int
    step: float
    """By how much more than what is believed of it, in the belief's units (log odds)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedBelief:
    """A belief that knows a user's words, and what of it is due to them."""

    belief: Belief
    part: DoubleArray
    """(C,) corrections with his words less those without, at the moment asked for."""


def with_edits(
    events: Sequence[tuple[float, str, Observation]],
    tellings: Sequence[Telling],
    now: float,
    config: BeliefConfig,
    *,
    n_concepts: int,
    doubt: float,
    start: Belief | None = None,
) -> EditedBelief:
    """The belief after events (time, event id, observation) and words, each in its place: by time, events before words
    of the same moment, then by id. `start` is a snapshot from before the first of them. O(events + words).

    `DataError` for a word that is none.
    """
    plain = belief = start or Belief.nothing()
    noise = doubt * (config.widths[0] + config.widths[1])
    entries: list[tuple[float, int, str, Observation | Telling]] = [(t, 0, id_, seen) for t, id_, seen in events]
    entries += [(one.moment, 1, one.edit_id, one) for one in tellings]
    for moment, _, _, entry in sorted(entries, key=lambda e: (*e[:3], e[3].concept if isinstance(e[3], Telling) else 0)):
        if isinstance(entry, Observation):
            plain = update(plain, entry, moment, config)
            belief = update(belief, entry, moment, config)
            continue
        if not 0 <= entry.concept < n_concepts:
            raise DataError(
                f"An edit is of concept {entry.concept}; there are {n_concepts}.", hint="Give one of the vocabulary."
            )
        before = float(belief.corrections(n_concepts, moment, config)[entry.concept])
        belief = told(belief, entry.concept, before + entry.step, noise, moment, config)
    part = belief.corrections(n_concepts, now, config) - plain.corrections(n_concepts, now, config)
    return EditedBelief(belief=belief, part=part)
