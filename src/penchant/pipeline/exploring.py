"""A look around: which interests are tried on a user, with which items, and how often."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeAlias

import numpy as np
import scipy.sparse as sp
from pydantic import Field, Strict, field_validator, model_validator

from penchant.concepts.vocabulary import Vocabulary
from penchant.config import Config
from penchant.data.sparse_rows import row_entries
from penchant.exploration.dial import Dial, DialConfig, DialTurn
from penchant.exploration.interest_discovery import DiscoveryConfig, InterestDiscovery, Known, chances, worth_trying
from penchant.interfaces import Arms, Candidates
from penchant.pipeline.discovery_fitting import foreseen_of
from penchant.types import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray

Share: TypeAlias = Annotated[float, Strict()] | Literal["auto"]
"""Strict, for true is no share"""
NO_INTEREST, NOT_EXPLORED = -1, -2
EVIDENCE = 10.0
"""Events of an item after which half of the doubt that is its own is gone."""


class Exploration(Config):
    """How much of a slate is spent on finding out, and on what."""

    share: Share = 0.0
    """From 0 (the best that is known) to 1; ``auto`` falls as a user becomes known and rises where he has changed."""
    limits: tuple[float, float] = (0.05, 0.3)
    """What ``auto`` lies between."""
    most: int | None = Field(default=None, ge=0)
    """Explored places of a slate, at most."""
    never_at: tuple[int, ...] = ()
    """Places, from 1, that are never explored."""
    never: tuple[str, ...] = ()
    """Concept ids that are never tried: no item of them, or of those below them, is explored."""
    patience: int = Field(default=8, ge=1)
    """An interest is tried no more after so many tries that were ignored: those served less the user's events on it."""
    takes: int = Field(default=3, ge=1)
    """One that was tried is tried on until the user has so many events on it; `discover` lists it no more after one."""
    interests: int = Field(default=12, ge=1)
    """Interests that may be tried at a time."""
    items_each: int = Field(default=3, ge=1)
    """Items to try each with, the best."""
    temperature: float = Field(default=0.15, gt=0)
    """How even a look around is, see `penchant.exploration.dial`."""
    epsilon: float = Field(default=0.1, gt=0, le=1)
    """The part of it that is uniform."""
    discovery: DiscoveryConfig = DiscoveryConfig()

    @field_validator("share")
    @classmethod
    def _is_share(cls, share: Share) -> Share:
        if share != "auto" and not 0 <= float(share) <= 1:
            raise ValueError(f"a share lies from 0 to 1, or is auto, and {share} does not")
        return share

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if not 0 <= self.limits[0] <= self.limits[1] <= 1:
            raise ValueError(f"limits are {self.limits}; two shares, the smaller first")
        self.dial(0.0)
        return self

    def asked(self, wish: "Share | Mapping[str, Any] | Exploration | None") -> "Exploration":
        """These settings with what a request says instead: a share, or several settings by name."""
        if wish is None:
            return self
        if isinstance(wish, Exploration):
            return wish
        said = dict(wish) if isinstance(wish, Mapping) else {"share": wish}
        return Exploration.of({**self.model_dump(exclude={"discovery"}), "discovery": self.discovery, **said})

    def dial(self, share: float) -> DialConfig:
        """The policy's own settings."""
        return DialConfig(
            share=share, most=self.most, never_at=self.never_at, temperature=self.temperature, epsilon=self.epsilon
        )


def wish_of(
    share: Share | None,
    *,
    most: int | None = None,
    never_at: Sequence[int] = (),
    never: Sequence[str] = (),
    patience: int | None = None,
) -> Share | dict[str, Any] | None:
    """What a request's parameters say of exploration, for `Exploration.asked`: what they leave open stays as it is set;
    None where they say nothing.
    """
    budget = {"most": most, "never_at": tuple(never_at) or None, "never": tuple(never) or None, "patience": patience}
    said = {name: value for name, value in budget.items() if value is not None}
    if not said:
        return share
    return said if share is None else {"share": share, **said}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Interests to try on a user, the best first."""

    concepts: IntArray
    """(T,)"""
    scores: DoubleArray
    """(T,) f, see `penchant.exploration.interest_discovery`"""
    chances: DoubleArray
    """(T,) that the next interest new to him is this one"""
    parts: DoubleArray
    """(T, F) what each sign adds to f"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """What a decision explored, and all that it could have shown."""

    interests: Tried | None
    """None where nothing was to be explored"""
    concepts: IntArray
    """(K,) the interest that each explored item tries, `NO_INTEREST` where of none; `NOT_EXPLORED` for the others"""
    arms: Arms
    """(N,) what was believed of the candidates, with what rules add at every place"""
    looks: DoubleArray | None = None
    """(N,) by what a look around was drawn, with the same; NaN where it was not to be explored. None: none was made"""
    look_scale: float = 0.0
    """By what they were divided, T sd(v)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What was explored of a slate, and what could have been."""

    arms: Arms
    explorable: BoolArray
    """(N,) candidates that are a look around"""
    concepts: IntArray
    """(N,) the interest that each tries, `NO_INTEREST` where of none"""
    turn: DialTurn
    rng: np.random.Generator


def let_go(led: DoubleArray, times: IntArray, settings: Exploration) -> BoolArray:
    """Concepts of which so many tries were ignored that they are tried no more, all of one shape. An interest is first
    tried where it leads no event's item, so each that it leads answers a try.
    """
    return np.asarray(times - led >= settings.patience)


def tried_on(led: DoubleArray, times: IntArray, barred: BoolArray, settings: Exploration) -> BoolArray:
    """Concepts that count as not known though they lead items of a user's events: they were tried, and a first event
    on what was tried may have been chance. All of one shape.
    """
    return np.asarray((times > 0) & (led < settings.takes) & ~barred)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """What is known of a user whom a look around is for."""

    led: DoubleArray
    """(C,) events whose items each concept leads; 0 of those that are still being tried"""
    main: DoubleArray
    """(C,) events that are mainly of each concept; the same"""
    touched: BoolArray
    """(C,) concepts that some event touches, be it a little"""
    leaning: DoubleArray
    """(C,) strength of each in standard deviations over users"""
    barred: BoolArray
    """(C,) concepts that are not to be tried"""


@dataclass(frozen=True, kw_only=True)
class Look:
    """One user's look around."""

    share: float
    settings: Exploration
    discovery: InterestDiscovery
    vocabulary: Vocabulary
    read_user: Callable[[], LookedAt]
    """Reads what is known of the user, where it is asked for: a slate that explores nothing does not wait for it"""
    never: BoolArray
    """(C,) concepts of which no item is explored, whatever else it is of"""
    variances: DoubleArray
    """(C,) of the belief, in log odds squared"""
    prior: float
    """That of a concept without events"""
    temperature: float
    """κ: log odds per unit of score"""
    item_events: IntArray
    """(I,)"""
    seed: int

    @cached_property
    def user(self) -> LookedAt:
        """What is known of him."""
        return self.read_user()

    def tried(self, scores_I: FloatArray, limit: int, *, untouched: bool = False) -> Tried:
        """The interests to try, given the tracker's and the belief's scores of all items: those that lead no event's
        item; `untouched`, those that no event touches at all.
        """
        known = Known(
            counts=(np.maximum(self.user.led, self.user.touched) if untouched else self.user.led)[None],
            main=self.user.main[None],
            foreseen=foreseen_of(self.temperature * scores_I[None], self.vocabulary.mainly),
        )
        parts = self.discovery.parts(known)[0]
        scores = np.where(self.discovery.open(known)[0], parts.sum(axis=1), -np.inf)
        odds = chances(scores[None])[0]
        order = worth_trying(scores[None], self.user.barred[None], limit)[0]
        order = order[order >= 0]
        return Tried(concepts=order, scores=scores[order], chances=odds[order], parts=parts[order])

    def items(self, concepts_T: IntArray, values_I: AnyArray, allowed_I: BoolArray) -> list[IntArray]:
        """For each concept the best allowed items that it leads and that may be explored, the best first."""
        led, found = self.vocabulary.leading_by_concept, []
        allowed_I = allowed_I & ~self._of(self.never)
        for c in concepts_T.tolist():
            rows = led.indices[led.indptr[c] : led.indptr[c + 1]]
            rows = rows[allowed_I[rows]]
            found.append(rows[np.argsort(-values_I[rows], kind="stable")][: self.settings.items_each].astype(np.int64))
        return found

    def arms(self, listed: Candidates, *, gate: float) -> Arms:
        """What is believed of N scored candidates. The tracker's gate g and κ turn log odds into scores:

        loading_nc = g a_nc / κ,    item variance = (g / κ)² · prior / (1 + events / EVIDENCE)
        """
        unit = gate / self.temperature
        return Arms(
            items=listed.items,
            means=listed.scores,
            loadings=sp.csr_array(self.vocabulary.activations[listed.items].astype(np.float64) * unit),
            concept_variances=self.variances,
            item_variances=unit**2 * self.prior / (1.0 + self.item_events[listed.items] / EVIDENCE),
            ties=listed.ties,
        )

    def begin(self, arms: Arms, greedy: IntArray, tried: Tried, k: int) -> Explored:
        """The policy's turn. Explored are candidates that would not be on the slate (`greedy` are those that would) and
        are of an interest to try, or where no such candidate is left of none that is barred. An interest of a standard
        deviation more among those tried adds one of the candidates' scores.
        """
        aside = ~self._of(self.never)[arms.items]
        aside[greedy] = False
        concepts, scores = self._interest_of(arms.items, tried)
        explorable, bonus = aside & (concepts != NO_INTEREST), None
        if explorable.any():
            spread = float(tried.scores.std()) or 1.0
            bonus = np.where(explorable, (scores - tried.scores.mean()) / spread * float(arms.means.std()), 0.0)
        else:
            explorable = aside & ~self._of(self.user.barred)[arms.items]
        rng = np.random.default_rng(self.seed)
        policy = Dial(self.settings.dial(self.share), explorable_N=explorable, bonus_N=bonus)
        return Explored(
            arms=arms, explorable=explorable, concepts=concepts, turn=policy.begin(arms, k, rng=rng), rng=rng
        )

    def _of(self, concepts_C: BoolArray) -> BoolArray:
        """(I,) items that touch any of the concepts."""
        return np.asarray(self.vocabulary.touches @ concepts_C.astype(np.float32) > 0)

    def _interest_of(self, items_N: AnyArray, tried: Tried) -> tuple[IntArray, DoubleArray]:
        """Of each item the tried interest of the largest score that leads it, and that score."""
        place = np.full(len(self.vocabulary.concepts), len(tried.concepts), dtype=np.int64)
        place[tried.concepts] = np.arange(len(tried.concepts))
        led = row_entries(self.vocabulary.leading, items_N)
        best = np.full(len(items_N), len(tried.concepts), dtype=np.int64)
        np.minimum.at(best, led.owners, place[led.columns])
        concepts = np.append(tried.concepts, NO_INTEREST)[best]
        return concepts, np.append(tried.scores, 0.0)[best]
