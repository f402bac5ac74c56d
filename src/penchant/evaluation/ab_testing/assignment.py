"""Which arm a unit is in: a hash of the experiment's salt and the unit's id, and nothing else.

    u = hash(salt, use, unit) in [0, 1);    enrolled where u_traffic < traffic;    arm a where F_{a−1} ≤ u_arm < F_a

So the arm needs no store, is the same on every machine and for ever, and two experiments are independent, because their
salts are (Kohavi, Tang and Xu 2020, chapter 4). Raising `traffic` enrols more and moves nobody; changing shares moves
units between arms: begin a new experiment for that.
"""

from pydantic import Field, field_validator

from penchant.config import Config
from penchant.errors import DataError
from penchant.seeding import stable_hash


class Experiment(Config):
    """An experiment's name and arms."""

    name: str = Field(min_length=1)
    shares: dict[str, float] = Field(default_factory=lambda: {"control": 0.5, "treatment": 0.5})
    """Of those enrolled; they add up to 1. The order of the arms counts."""
    traffic: float = Field(default=1.0, gt=0, le=1)
    """Share of all units that is enrolled"""
    salt: str = ""
    """Empty: the name. Two experiments with one salt give a unit the same u."""

    @field_validator("shares")
    @classmethod
    def _shares(cls, shares: dict[str, float]) -> dict[str, float]:
        if (
            len(shares) < 2 or min(shares.values()) <= 0 or not abs(sum(shares.values()) - 1.0) <= 1e-9
        ):  # or is no number
            raise ValueError("two arms or more, with shares above 0 that add up to 1")
        return shares

    def arm(self, unit: str) -> str | None:
        """The unit's arm; None where it is not enrolled. `DataError` for an empty id."""
        if not unit:
            raise DataError("A unit without an id came.", hint="Give the id that stays with the user.")
        if self.traffic < 1.0 and uniform(self.salt or self.name, "traffic", unit) >= self.traffic:
            return None
        return arm_at(self.shares, uniform(self.salt or self.name, "arm", unit))


def uniform(*parts: str) -> float:
    """A number in [0, 1), the same for the same texts everywhere."""
    return (stable_hash("\x1f".join(parts)) >> 11) / 2**53


def arm_at(shares: dict[str, float], u: float) -> str:
    """The arm whose stretch of [0, 1) holds u."""
    total = 0.0
    for name, share in shares.items():
        total += share
        if u < total:
            return name
    return next(reversed(shares))  # shares that add up to a hair less than 1
