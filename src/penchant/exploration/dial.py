"""The dial: at each place, with a stated probability, a look around; else the best.

    p(n | places before, draw) = (1 − e) [n = best] + e q(n)
    q(n) = (1 − ε) softmax_{n in X} (v_n / (T sd(v))) + ε / |X|,      v_n = draw_n + added_n + bonus_n

e is the share of the place: that of the request, 0 at places that are not to be explored and once the budget is spent;
X are the open candidates that may be explored and would not be on the slate otherwise; `draw` is one Thompson draw of
all scores (`Arms.draw`), so that what is uncertain is looked at, and T the temperature in standard deviations of what
was drawn for those that may be explored. Every item of X has p ≥ e ε / |X|: what any policy would have shown of it can
be told from the log.
"""

import numpy as np
from pydantic import Field, field_validator

from penchant.config import Config
from penchant.interfaces import Arms, Policy, Turn
from penchant.types import BoolArray, DoubleArray

FLOOR = -500.0
"""Of log odds."""
ENOUGH = 3.0
"""Events on a concept after which half of the doubt whether it is an interest is gone."""


class DialConfig(Config):
    """How far the dial is turned, and what it may not touch."""

    share: float = Field(default=0.1, ge=0, le=1)
    """e: the share of places spent on looking around, on average."""
    most: int | None = Field(default=None, ge=0)
    """Explored places of a slate, at most; None: as many as come."""
    never_at: tuple[int, ...] = ()
    """Places, from 1, that are never explored."""
    temperature: float = Field(default=0.15, gt=0)
    """T"""
    epsilon: float = Field(default=0.1, gt=0, le=1)
    """ε: the part of a look around that is uniform."""

    @field_validator("never_at")
    @classmethod
    def _from_one(cls, places: tuple[int, ...]) -> tuple[int, ...]:
        if wrong := [place for place in places if place < 1]:
            raise ValueError(f"places count from 1, and {wrong[0]} is none")
        return places


class Dial(Policy):
    """A mixture of the best and of a look around."""

    config: DialConfig

    def __init__(
        self, config: DialConfig, *, explorable_N: BoolArray | None = None, bonus_N: DoubleArray | None = None
    ) -> None:
        """`explorable_N` are the candidates that may be explored (None: all that are not among the K best), `bonus_N`
        what speaks for trying each beside its draw, in score units.
        """
        super().__init__(config)
        self.explorable = explorable_N
        self.bonus = bonus_N

    def begin(self, arms: Arms, k: int, *, rng: np.random.Generator) -> "DialTurn":
        """Draw all scores once."""
        explorable = self.explorable
        if explorable is None:
            explorable = np.ones(len(arms), dtype=np.bool_)
            explorable[np.lexsort((arms.ties, -arms.means))[:k]] = False
        drawn = arms.draw(rng)
        if self.bonus is not None:
            drawn = drawn + self.bonus
        return DialTurn(self.config, arms, explorable, drawn, scale_of(drawn, explorable, self.config.temperature))


class DrawnDial(Policy):
    """A dial whose draw was made before, as a log tells it: its probabilities given that draw."""

    config: DialConfig

    def __init__(self, config: DialConfig, *, explorable_N: BoolArray, drawn_N: DoubleArray, scale: float) -> None:
        """`drawn_N` are v_n of the candidates that may be explored, whatever for the others, `scale` T sd(v)."""
        super().__init__(config)
        self.explorable = explorable_N
        self.drawn = drawn_N
        self.scale = scale

    def begin(self, arms: Arms, k: int, *, rng: np.random.Generator) -> "DialTurn":  # noqa: ARG002
        """Nothing is drawn."""
        return DialTurn(self.config, arms, self.explorable, self.drawn, self.scale)


class DialTurn(Turn):
    """A slate that is being dialled."""

    def __init__(
        self, config: DialConfig, arms: Arms, explorable_N: BoolArray, drawn_N: DoubleArray, scale: float
    ) -> None:
        self.config = config
        self.arms = arms
        self.explorable = explorable_N
        self.drawn = drawn_N
        self.place = 1
        self.explored = 0
        self.scale = scale
        """T sd(v)"""
        self._weights = self._odds(drawn_N)

    def probabilities(self, open_N: BoolArray, added_N: DoubleArray) -> DoubleArray:
        """The mixture above, (N,)."""
        if not open_N.any():
            return np.zeros(len(self.arms))
        aside = open_N & self.explorable
        n_aside = int(np.count_nonzero(aside))
        share = self._share() if n_aside else 0.0
        added = bool(added_N.any())
        best = self._best(open_N, self.arms.means + added_N if added else self.arms.means)
        if share:
            chances = aside * (self._odds(self.drawn + added_N) if added else self._weights)
            chances *= share * (1.0 - self.config.epsilon) / chances.sum()
            chances += aside * (share * self.config.epsilon / n_aside)
        else:
            chances = np.zeros(len(self.arms))
        chances[best] += 1.0 - share
        return np.minimum(chances, 1.0, out=chances)  # a sum of parts may round up

    def take(self, n: int) -> None:
        """On to the next place."""
        self.place += 1
        self.explored += bool(self.explorable[n])

    def _share(self) -> float:
        spent = self.config.most is not None and self.explored >= self.config.most
        return 0.0 if spent or self.place in self.config.never_at else self.config.share

    def _odds(self, values_N: DoubleArray) -> DoubleArray:
        """exp(v / (T sd)) over what may be explored, up to a factor; never 0, so that what is left open has odds."""
        if not self.explorable.any():
            return np.zeros(len(values_N))
        top = values_N[self.explorable].max()
        scale = self.scale or 1.0
        # What may not be explored can lie above the top by any number of scales.
        return np.asarray(np.exp(np.clip((values_N - top) / scale, FLOOR, 0.0)) * self.explorable)

    def _best(self, open_N: BoolArray, values_N: DoubleArray) -> int:
        values = np.where(open_N, values_N, -np.inf)
        best = int(values.argmax())
        equal = np.flatnonzero(values == values[best])
        return best if len(equal) == 1 else int(equal[self.arms.ties[equal].argmin()])


def scale_of(drawn_N: DoubleArray, explorable_N: BoolArray, temperature: float) -> float:
    """T sd(v) over what may be explored; 0 where nothing may."""
    return temperature * float(drawn_N[explorable_N].std()) if explorable_N.any() else 0.0


def automatic_share(certainty: float, drift: float, limits: tuple[float, float]) -> float:
    """How much to look around: from the least to the most of `limits`,

        least + (most − least) (1 − certainty (1 − drift)),     certainty and drift in [0, 1]

    so that the share falls as a user becomes known, and rises where what was known of him has just changed.
    """
    least, most = limits
    doubt = 1.0 - min(max(certainty, 0.0), 1.0) * (1.0 - min(max(drift, 0.0), 1.0))
    return least + (most - least) * doubt


def certainty(foreseen_C: DoubleArray, counts_C: DoubleArray) -> float:
    """How much of what a user is foreseen to take next he is known to take:

        Σ_c foreseen_c n_c / (n_c + ν) / Σ_c foreseen_c

    with n_c his events on concept c and ν = `ENOUGH` of them worth half; 0 where nothing is foreseen.
    """
    total = float(foreseen_C.sum())
    return float((foreseen_C * counts_C / (counts_C + ENOUGH)).sum()) / total if total > 0 else 0.0
