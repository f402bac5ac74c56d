"""A world with planted interests, some of them latent, which drift; satiation; position bias; late feedback.

    appeal_ui = σ( base + p_i + Σ_c a_ic (w_uc(t) − λ s_uc) )         chance of an engagement with what is seen
    seen at place k with probability k^{−η};   s_uc ← ρ s_uc + Σ_engaged a_ic;   p_i ~ N(0, skew²)

w_uc is `strength` for an interest, 0 for what a user does not care for, plus an Ornstein–Uhlenbeck drift with standard
deviation `drift` and time scale `drift_scale`. With chance `turn` a round an interest goes and another comes. A user's
past holds events of his *known* interests only: **latent** ones are as strong, and nothing he did tells of them.

The examination k^{−η} is the position-based model (Richardson et al. 2007, "Predicting clicks"; Craswell et al. 2008);
satiation follows Leqi et al. 2021, "Rebounding bandits", with engagements in place of pulls.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from pydantic import Field
from scipy.special import expit

from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.evaluation.simulation.marginals import marginals_of
from penchant.evaluation.simulation.world import Catalogue, Feedback, Reaction, World
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray, IntArray

MOST_CONCEPTS = 4
"""Of one item"""


class WorldConfig(Config):
    """A planted world. Times are in rounds: a round shows every user one slate."""

    users: int = Field(default=200, ge=1)
    items: int = Field(default=500, ge=2)
    concepts: int = Field(default=40, ge=2)
    concepts_per_item: float = Field(default=1.8, ge=1, le=MOST_CONCEPTS)
    """Mean; the first has activation 1, others 0.2 to 0.6"""
    skew: float = Field(default=0.6, ge=0)
    """Standard deviation of log popularity"""
    concept_skew: float = Field(default=0.5, ge=0)
    """Concept n has a share ∝ n^−skew of items and of interests."""
    history: float = Field(default=20.0, ge=0)
    """Events of the past, mean over users"""
    history_spread: float = Field(default=0.7, ge=0)
    """Standard deviation of their logarithm"""
    base: float = -3.0
    """Log odds of an engagement with what is seen and of no interest"""
    known: float = Field(default=3.0, ge=0)
    """Interests that the past tells of, mean over users: one, and a Poisson number more"""
    latent: float = Field(default=2.0, ge=0)
    """Interests that it does not tell of, mean over users"""
    strength: float = Field(default=2.5, ge=0)
    """Log odds that an interest adds, mean; it varies by a quarter"""
    satiation: float = Field(default=0.4, ge=0)
    """λ"""
    recovery: float = Field(default=0.85, ge=0, lt=1)
    """ρ"""
    drift: float = Field(default=0.3, ge=0)
    drift_scale: float = Field(default=60.0, gt=0)
    turn: float = Field(default=0.005, ge=0, le=1)
    examination: float = Field(default=0.5, ge=0)
    """η"""
    delay: float = Field(default=1.0, ge=0)
    """Rounds by which feedback is late, mean of a Poisson number; at 0 it is told before the next round"""

    @classmethod
    def fitted_to(
        cls, dataset: Dataset, *, activations: sp.csr_array | None = None, columns: Sequence[str] = ()
    ) -> "WorldConfig":
        """A world whose item popularity, events per user and concepts per item are those of a real log.

        Concepts per item come from `activations` (I, C), or are counted in list `columns` of the items. What a log
        cannot tell (which interests are latent, satiation, examination) stays at its default. `DataError` for a log
        without item events.
        """
        found = marginals_of(dataset, activations=activations, columns=columns)
        settings: dict[str, float] = {
            "skew": found.log_popularity_spread,
            "history": found.events_per_user,
            "history_spread": found.log_events_spread,
        }
        if found.concepts_per_item is not None:
            settings["concepts_per_item"] = float(np.clip(found.concepts_per_item, 1.0, MOST_CONCEPTS))
        return cls.of(settings, where="WorldConfig.fitted_to")

    def redrawn(self, number: int) -> "WorldConfig":
        """World `number` of a series: what a designer would otherwise choose is drawn anew, widely and by the number
        alone. `latent` and `turn` of 0 stay 0.
        """
        rng = numpy_rng(number, "world parameters")
        draws = {
            "concepts": int(rng.integers(30, 61)),
            "concepts_per_item": min(max(self.concepts_per_item * float(rng.uniform(0.7, 1.4)), 1.0), MOST_CONCEPTS),
            "skew": self.skew * float(rng.uniform(0.5, 1.5)),
            "concept_skew": float(rng.uniform(0.2, 0.9)),
            "history": self.history * float(rng.uniform(0.6, 1.5)),
            "base": float(rng.uniform(-3.5, -2.5)),
            "known": float(rng.uniform(2.0, 4.0)),
            "latent": min(self.latent, 1.0) * float(rng.uniform(1.0, 3.0)),
            "strength": float(rng.uniform(2.0, 3.0)),
            "satiation": float(rng.uniform(0.1, 0.7)),
            "recovery": float(rng.uniform(0.7, 0.95)),
            "drift": float(rng.uniform(0.0, 0.5)),
            "turn": min(self.turn * 200.0, 1.0) * float(rng.uniform(0.0, 0.01)),
            "examination": float(rng.uniform(0.2, 0.9)),
            "delay": float(rng.integers(0, 4)),
        }
        return type(self).of({**self.model_dump(), **draws}, where=f"world {number}")


@dataclass(slots=True)
class _Users:
    """What users are now; private to the world."""

    strengths: DoubleArray
    """(U, C) above 0 where there is an interest"""
    drift: DoubleArray
    """(U, C)"""
    sated: DoubleArray
    """(U, C)"""


class PlantedWorld(World):
    """A planted world; the same configuration and seed give the same world, and users who draw the same luck."""

    def __init__(self, config: WorldConfig, *, seed: int) -> None:
        self.config, self.seed = config, seed
        rng = numpy_rng(seed, "planted world")
        shares = np.arange(1.0, config.concepts + 1) ** -config.concept_skew
        shares = rng.permutation(shares / shares.sum())
        activations = _activations(config, shares, rng)
        self._popularity = config.skew * rng.standard_normal(config.items)
        known, latent = _interests(config, shares, rng)
        drift = config.drift * rng.standard_normal(known.shape)
        users, items = _past(config, activations, self._popularity, known, rng)
        self.catalogue = Catalogue(
            activations=activations, n_users=config.users, history_users=users, history_items=items
        )
        self.known_at_first = known > 0
        """(U, C) the interests that the past tells of: for the judge alone"""
        self._users = _Users(strengths=known + latent, drift=drift, sated=np.zeros_like(known))
        self._shares = shares

    def available(self, round_: int) -> BoolArray:  # noqa: ARG002 - everything is there at any time
        """Everything."""
        return np.ones((self.config.users, self.config.items), dtype=np.bool_)

    def appeal(self, round_: int) -> DoubleArray:  # noqa: ARG002 - as the users are now
        """σ( base + p_i + Σ_c a_ic (w_uc − λ s_uc) ), (U, I)."""
        now = self._users
        wants = now.strengths + now.drift - self.config.satiation * now.sated
        logits = (self.catalogue.activations @ wants.T).T + self.config.base + self._popularity
        return np.asarray(expit(logits), dtype=np.float64)

    def interested(self) -> BoolArray:
        """Where a strength is planted, (U, C)."""
        return np.asarray(self._users.strengths > 0)

    def react(self, round_: int, items_UK: IntArray) -> Reaction:
        """Each place is seen and then engaged with, or not; then interests drift and satiation fades."""
        self.check(items_UK)
        shown = items_UK >= 0
        chances = np.take_along_axis(self.appeal(round_), np.maximum(items_UK, 0), axis=1)
        seen = np.arange(1.0, items_UK.shape[1] + 1) ** -self.config.examination
        expected = np.where(shown, chances * seen, 0.0)
        rng = numpy_rng(self.seed, "reactions", str(round_))  # of the round, so that policies meet the same luck
        engaged = rng.random(items_UK.shape) < expected
        delay = rng.poisson(self.config.delay, len(items_UK))
        self._pass(rng, items_UK, engaged)
        users = np.arange(len(items_UK))
        return Reaction(
            feedback=Feedback(round=round_, users=users, items=items_UK, engaged=engaged),
            arrives=(round_ + 1 + delay).astype(np.int64),
            expected=expected,
        )

    def _pass(self, rng: np.random.Generator, items_UK: IntArray, engaged_UK: BoolArray) -> None:
        config, now = self.config, self._users
        rows, places = np.nonzero(engaged_UK)
        taken = sp.coo_array(
            (np.ones(len(rows)), (rows, items_UK[rows, places])), shape=(config.users, config.items)
        ).tocsr()
        now.sated = config.recovery * now.sated + (taken @ self.catalogue.activations).toarray()
        keep = np.exp(-1.0 / config.drift_scale)
        noise = config.drift * np.sqrt(-np.expm1(-2.0 / config.drift_scale))
        now.drift = keep * now.drift + noise * rng.standard_normal(now.drift.shape)
        draws, order = rng.random(config.users), rng.random((config.users, config.concepts, 2))
        for user in np.flatnonzero(draws < config.turn):
            interests, others = np.flatnonzero(now.strengths[user] > 0), np.flatnonzero(now.strengths[user] == 0)
            if len(interests) and len(others):
                old = interests[np.argmin(order[user, interests, 0])]
                new = others[np.argmax(np.log(self._shares[others]) - np.log(-np.log(order[user, others, 1])))]
                now.strengths[user, new], now.strengths[user, old] = now.strengths[user, old], 0.0


def _activations(config: WorldConfig, shares_C: DoubleArray, rng: np.random.Generator) -> sp.csr_array:
    """(I, C): one main concept at 1, others at 0.2 to 0.6; as many of an item as the mean asks for."""
    more = rng.binomial(MOST_CONCEPTS - 1, (config.concepts_per_item - 1) / (MOST_CONCEPTS - 1), config.items)
    more = np.minimum(more, config.concepts - 1)
    dense = np.zeros((config.items, config.concepts))
    for item, n in enumerate(more.tolist()):
        concepts = rng.choice(config.concepts, n + 1, replace=False, p=shares_C)
        dense[item, concepts] = np.concatenate([[1.0], rng.uniform(0.2, 0.6, n)])
    return sp.csr_array(dense)


def _interests(config: WorldConfig, shares_C: DoubleArray, rng: np.random.Generator) -> tuple[DoubleArray, DoubleArray]:
    """Strengths of known and of latent interests, (U, C) each, on different concepts."""
    known, latent = np.zeros((config.users, config.concepts)), np.zeros((config.users, config.concepts))
    n_known = np.minimum(1 + rng.poisson(max(config.known - 1, 0), config.users), config.concepts)
    n_latent = np.minimum(rng.poisson(config.latent, config.users), config.concepts - n_known)
    for user in range(config.users):
        both = n_known[user] + n_latent[user]
        chosen = rng.choice(config.concepts, both, replace=False, p=shares_C)
        strengths = config.strength * rng.uniform(0.75, 1.25, both)
        known[user, chosen[: n_known[user]]] = strengths[: n_known[user]]
        latent[user, chosen[n_known[user] :]] = strengths[n_known[user] :]
    return known, latent


def _past(
    config: WorldConfig,
    activations: sp.csr_array,
    popularity_I: DoubleArray,
    known_UC: DoubleArray,
    rng: np.random.Generator,
) -> tuple[IntArray, IntArray]:
    """Events of the past: items of known interests, by popularity and strength, none twice (Gumbel top-k).

    An item that is of none of a user's known interests may be there too, as rarely as its log odds say.
    """
    spread = config.history_spread
    lengths = np.exp(rng.normal(np.log(max(config.history, 1e-9)) - spread**2 / 2, spread, config.users))
    lengths = np.minimum(np.rint(lengths).astype(np.int64), config.items // 4)
    values = popularity_I + (activations @ known_UC.T).T
    order = np.argsort(-(values + rng.gumbel(size=values.shape)), axis=1)
    users = np.repeat(np.arange(config.users), lengths)
    places = np.arange(len(users)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return users, order[users, places].astype(np.int64)
