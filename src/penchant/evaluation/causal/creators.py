"""Creators who game the text, against a platform that reads it: the weak point, a defence, and whether it holds.

M creators each have one item, truly of topic m, and say in its text what it is of: their own topic (*honest*), or
every topic (*stuffed*), at a cost for each word that is not true. Users ask for topics evenly, for T rounds. Of topic q
a share of the views goes to each creator,

    share_m(q) = e^{s_m(q)/τ} / Σ_j e^{s_j(q)/τ},        s_m(q) = (1 − g) text_m(q) + g r_m(q),      g = n / (n + κ)

text_m(q) in {0, 1} what the text says; r_m(q) the share of n views in which users truly wanted it, on a scale where its
own topic has 1. A creator is paid by views, users by what they wanted: p of the views of the true topic, p′ of others.

**κ = ∞ (g = 0) is a platform that believes texts**: stuffing gains views of all other topics, so everyone stuffs,
all texts say the same, and users get what chance gives. **κ finite is the defence**: text counts while nothing else is
known, and behaviour takes its place, topic by topic. What stuffing gains is then only the first views of an item,
which decide whether honest texts pay: `tolerable` says from which cost of a false word on they do.
"""

from dataclasses import dataclass
from itertools import product
from math import inf

import numpy as np
from pydantic import Field

from penchant.config import Config
from penchant.evaluation.causal.games import best_responses, pure_equilibria
from penchant.types import BoolArray, DoubleArray

HONEST, STUFFED = 0, 1


class CreatorGame(Config):
    """Creators, users and platform."""

    creators: int = Field(default=4, ge=2, le=10)
    rounds: int = Field(default=50, ge=1)
    """T"""
    views: float = Field(default=10.0, gt=0)
    """Of each topic in each round"""
    wanted: float = Field(default=0.4, gt=0, le=1)
    """p"""
    unwanted: float = Field(default=0.05, ge=0)
    """p′"""
    temperature: float = Field(default=0.2, gt=0)
    """τ"""
    cost: float = Field(default=0.05, ge=0)
    """Of a false word, as a share of the views that an honest creator has when all are honest"""
    evidence: float = Field(default=inf, gt=0, allow_inf_nan=True)
    """κ, in views; infinite: texts are believed"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What comes of a game."""

    equilibria: tuple[tuple[int, ...], ...]
    """Profiles from which nobody gains by moving alone; 0 honest, 1 stuffed"""
    reached: tuple[int, ...]
    """Where creators who start honest end, moving in turn to what is best for them"""
    welfare: float
    """Share of views in which users got what they wanted, at what is reached"""
    honest_welfare: float
    """The same were all honest"""
    gain_of_stuffing: float
    """What one creator gains by stuffing among honest ones, as a share of his views"""


def play(game: CreatorGame, stuffed_M: BoolArray) -> tuple[DoubleArray, float]:
    """Payoffs of creators, (M,), and the users' welfare, of one profile; expectations, no luck."""
    m = game.creators
    own = np.eye(m, dtype=np.bool_)
    text = (own | stuffed_M[:, None]).astype(np.float64)
    chance = np.where(own, game.wanted, game.unwanted)
    n, engaged, gained = np.zeros((m, m)), np.zeros((m, m)), 0.0
    for _ in range(game.rounds):
        gate = n / (n + game.evidence) if game.evidence < inf else np.zeros((m, m))
        rate = np.divide(engaged, n, out=np.zeros((m, m)), where=n > 0) / game.wanted
        scores = ((1 - gate) * text + gate * rate) / game.temperature
        share = np.exp(scores - scores.max(axis=0))
        views = game.views * share / share.sum(axis=0)  # (creator, topic)
        n += views
        engaged += views * chance
        gained += float((views * chance).sum())
    false_words = (m - 1) * stuffed_M
    payoffs = n.sum(axis=1) - game.cost * game.views * game.rounds * false_words
    return payoffs, gained / float(n.sum())


def solve(game: CreatorGame) -> Outcome:
    """All profiles gone through: equilibria, where honest creators drift, and what users get."""
    m = game.creators
    payoffs, welfare = np.empty((m, *(2,) * m)), np.empty((2,) * m)
    for profile in product((HONEST, STUFFED), repeat=m):
        gained, welfare[profile] = play(game, np.array(profile, dtype=np.bool_))
        for n in range(m):
            payoffs[(n, *profile)] = gained[n]
    honest = (HONEST,) * m
    reached = best_responses(payoffs, honest)[-1]
    alone = (STUFFED, *honest[1:])
    return Outcome(
        equilibria=tuple(pure_equilibria(payoffs)),
        reached=reached,
        welfare=float(welfare[reached]),
        honest_welfare=float(welfare[honest]),
        gain_of_stuffing=float(payoffs[(0, *alone)] / payoffs[(0, *honest)] - 1.0),
    )


def tolerable(game: CreatorGame) -> float:
    """The cost of a false word from which on nobody gains by stuffing among honest creators: the lower, the better the
    platform is defended. In shares of an honest creator's views.
    """
    free = game.model_copy(update={"cost": 0.0})
    alone = np.zeros(game.creators, dtype=np.bool_)
    honest, _ = play(free, alone)
    alone[0] = True
    stuffed, _ = play(free, alone)
    return max(0.0, float((stuffed[0] - honest[0]) / (game.views * game.rounds * (game.creators - 1))))
