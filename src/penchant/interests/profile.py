"""A user's profile: which concepts he leans to, how surely, since when, and on what evidence.

The strength of concept c for a user with vector u is what the ranking itself uses, told against the population:

    strength_c = (u·d_c − mean_c) / deviation_c + correction_c + edit_c        in standard deviations over users

with u the tracker's reading, `correction_c` what the belief adds to it (what the tracker did not foresee, and events
against an item) and `edit_c` the user's own word. The long-term part is the reading before the last `recent` events
and the belief's slow part, the short-term part what is left. How sure an interest is, and where it is going, is counted
from the events themselves, so that both can be checked by eye.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from scipy.special import betainc

from penchant.concepts.vocabulary import Vocabulary
from penchant.config import Config
from penchant.interests.population import Population
from penchant.interests.words import summary
from penchant.records import Evidence, Interest, Profile, Trend
from penchant.types import DoubleArray, FloatArray, IntArray, RowArray


class ProfileConfig(Config):
    """How a profile is read."""

    recent: int = Field(default=10, ge=1)
    """Events that make the short term."""
    trend_step: float = Field(default=1.0, gt=0)
    """A share of the last events this many standard errors off the share before is a trend."""
    prior_events: float = Field(default=10.0, gt=0)
    """κ: a user without events counts as this many events spread like everyone's."""
    evidence: int = Field(default=5, ge=0)
    """Events shown behind an interest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReadings:
    """What a user's texts say, one entry for each concept of a text, oldest first."""

    concepts: IntArray
    """(S,)"""
    labels: DoubleArray
    """(S,) 1 for, 0 against"""
    effects: DoubleArray
    """(S,) by how much each moved its concept's strength when it came"""
    timestamps: IntArray
    """(S,)"""

    @classmethod
    def none(cls) -> "TextReadings":
        """Of one who wrote nothing."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(concepts=nothing, labels=np.zeros(0), effects=np.zeros(0), timestamps=nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What a profile is made from, for one user."""

    items: RowArray
    """(L,) the user's item events, oldest first."""
    polarity: FloatArray
    """(L,) +1 or −1"""
    timestamps: IntArray
    """(L,)"""
    now: DoubleArray
    """(C,) strength without corrections, from the whole history."""
    before: DoubleArray
    """(C,) the same before the last `recent` events."""
    correction: DoubleArray
    """(C,) the belief's correction, in standard deviations."""
    lasting: DoubleArray
    """(C,) the part of it on the long time scale."""
    texts: TextReadings = field(default_factory=TextReadings.none)
    edits: DoubleArray
    """(C,) from the user's own edits, in standard deviations; an edit goes to the concepts below, too."""
    edited: frozenset[int]
    """The concepts that the user edited himself."""


def confidence(counts_C: DoubleArray, events: int, population: Population, prior_events: float) -> DoubleArray:
    """P(the user's share of events on c is above the population's), (C,).

    With a prior Beta(κπ, κ(1−π)) centred on the population's share π and n of N events on c, the posterior of the
    user's share is Beta(κπ + n, κ(1−π) + N − n); the result is its mass above π.
    """
    rate = population.rate.astype(np.float64)
    a, b = prior_events * rate + counts_C, prior_events * (1 - rate) + events - counts_C
    return np.asarray(1.0 - betainc(a, b, rate), dtype=np.float64)


def trend_of(recent: int, of_recent: int, before: int, of_before: int, *, step: float) -> Trend:
    """Where an interest is going, from how many of the last events and of those before touch it.

    ``new`` where only the last events do, and there were as many before them. Else, with p the damped share of all
    events, (touching + ½) / (events + 1), and n_r of R recent events against n_b of N_b before,

        t = (n_r / R − n_b / N_b) / √(p (1 − p) (1/R + 1/N_b))

    ``rising`` above `step`, ``fading`` below −`step`, else ``steady``.
    """
    if not of_before or not of_recent:
        return "steady"
    if recent and not before and of_before >= of_recent:
        return "new"
    share = (recent + before + 0.5) / (of_recent + of_before + 1)
    error = np.sqrt(share * (1 - share) * (1 / of_recent + 1 / of_before))
    distance = (recent / of_recent - before / of_before) / error
    if abs(distance) <= step:
        return "steady"
    return "rising" if distance > 0 else "fading"


def choose_concepts(
    readings: Readings, counts_C: DoubleArray, against_C: DoubleArray, sure_C: DoubleArray, *, limit: int
) -> list[int]:
    """Which concepts a profile of `limit` interests tells, the largest strength × confidence first.

    Only concepts that the user's events or texts touch, or that he edited: these always. Up to a quarter of the places,
    one at least, are kept for interests that have faded most, and for what he turned against, where there are any.
    """
    strength = readings.now + readings.correction + readings.edits
    weight = strength * np.where(strength >= 0, sure_C, 1 - sure_C)
    edited = sorted(readings.edited)
    touched = np.union1d(np.flatnonzero((counts_C > 0) | (against_C > 0)), np.array(edited, dtype=np.int64))
    if limit <= 0 or not len(touched):
        return []
    ranked = touched[np.argsort(-weight[touched], kind="stable")]
    faded = [
        c
        for c in np.flatnonzero(counts_C)
        if readings.before[c] >= 1.0 and readings.now[c] - readings.before[c] <= -0.5
    ]
    faded.sort(key=lambda c: readings.now[c] - readings.before[c])
    disliked = [c for c in ranked[::-1] if readings.correction[c] < 0 and strength[c] < 0]
    reserve = max(1, limit // 4)
    special = list(dict.fromkeys([*edited, *[*faded[:reserve], *disliked[:1]][:reserve]]))[:limit]
    main = [c for c in ranked if c not in special and strength[c] > 0][: limit - len(special)]
    return sorted({int(c) for c in [*main, *special]}, key=lambda c: (-weight[c], c))


def build_profile(
    readings: Readings,
    *,
    user_id: str,
    as_of: int,
    vocabulary: Vocabulary,
    population: Population,
    config: ProfileConfig,
    limit: int,
    only: frozenset[int] | None = None,
    effects: Callable[[IntArray, list[int]], DoubleArray],
    evidence: Callable[[int, float], Evidence],
    said: Callable[[int, float], Evidence],
    nouns: tuple[str, str],
    muted: frozenset[int] = frozenset(),
    pinned: frozenset[int] = frozenset(),
) -> Profile:
    """Tell a user's interests.

    `effects(events_E, concepts)` gives (E, len(concepts)): by how much each event moves each strength;
    `evidence(event, effect)` makes the record of one event, `said(entry, effect)` that of a text; `muted` are the
    concepts the user wants nothing of, `pinned` those he wants to stay. Of what there is to tell, `only` the concepts
    wanted are, None: all.
    """
    n_events = len(readings.items)
    touches: sp.csr_array = vocabulary.activations[readings.items] > 0
    for_it = readings.polarity > 0
    counts = np.asarray(touches[for_it].sum(axis=0), dtype=np.float64).ravel()
    against = np.asarray(touches[~for_it].sum(axis=0), dtype=np.float64).ravel()
    sure = confidence(counts, int(for_it.sum()), population, config.prior_events)
    texts = readings.texts
    wrote = np.bincount(texts.concepts, weights=texts.labels, minlength=len(counts))
    wrote_against = np.bincount(texts.concepts, weights=1.0 - texts.labels, minlength=len(counts))
    chosen = choose_concepts(readings, counts + wrote, against + wrote_against, sure, limit=limit)
    chosen = [c for c in chosen if only is None or c in only]
    by_concept = touches.tocsc()
    supporters = {
        c: np.sort(by_concept.indices[by_concept.indptr[c] : by_concept.indptr[c + 1]]).astype(np.int64) for c in chosen
    }
    asked = np.unique(np.concatenate([*supporters.values(), np.zeros(0, dtype=np.int64)])).astype(np.int64)
    moved = effects(asked, chosen) if len(asked) else np.zeros((0, len(chosen)))
    recent_from = max(0, n_events - config.recent)
    interests = []
    for column, c in enumerate(chosen):
        events = supporters[c]
        positive = events[for_it[events]]
        strength = float(readings.now[c] + readings.correction[c] + readings.edits[c])
        long_term = float(readings.before[c] + readings.lasting[c])
        short_term = strength - long_term - float(readings.edits[c])
        told = positive if len(positive) else events
        recent = int((positive >= recent_from).sum())
        trend = trend_of(recent, n_events - recent_from, len(positive) - recent, recent_from, step=config.trend_step)
        effect = moved[np.searchsorted(asked, events), column]
        words = np.flatnonzero(texts.concepts == c)
        sizes = np.abs(np.concatenate([effect, texts.effects[words]]))
        stamps = np.concatenate([readings.timestamps[events], texts.timestamps[words]])
        top = np.lexsort((-np.arange(len(stamps)), -stamps, -sizes))[: config.evidence]
        shown = tuple(
            evidence(int(events[n]), float(effect[n]))
            if n < len(events)
            else said(int(words[n - len(events)]), float(texts.effects[words[n - len(events)]]))
            for n in top
        )
        by_text = sizes[len(events) :].sum() > sizes[: len(events)].sum()
        seen = np.concatenate([readings.timestamps[told], texts.timestamps[words]])
        last = evidence(int(positive[-1]), 0.0).title if len(positive) else ""
        interests.append(
            Interest(
                concept_id=vocabulary.concepts[c].id,
                concept=vocabulary.concepts[c].name,
                parent=vocabulary.concepts[c].parent,
                strength=strength,
                confidence=float(sure[c] if strength >= 0 else 1 - sure[c]),
                trend=trend,
                short_term=short_term,
                long_term=long_term,
                first_seen=int(seen.min()) if len(seen) else as_of,
                last_seen=int(seen.max()) if len(seen) else as_of,
                count=len(positive),
                source="explicit" if c in readings.edited else "text" if by_text else "behaviour",
                muted=c in muted,
                pinned=c in pinned,
                evidence=shown,
                summary=summary(strength, trend, count=len(positive), recent=recent, last=last, nouns=nouns),
            )
        )
    return Profile(
        user_id=user_id,
        as_of=as_of,
        interests=tuple(interests),
        events=n_events,
        cold=not n_events and not len(texts.concepts),
    )
