"""A stated space of settings, and random draws from it; the first trial of any search is the defaults.

Bergstra and Bengio (2012): random search finds settings as good as a grid's in far fewer trials, because few of the
settings matter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from penchant.seeding import numpy_rng

REDRAWS = 50
"""Draws given up for one that is allowed and was not drawn before."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values, each as likely."""

    values: tuple[Any, ...]

    def draw(self, rng: np.random.Generator) -> Any:
        """One of them."""
        return self.values[int(rng.integers(len(self.values)))]

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))


@dataclass(frozen=True, slots=True)
class LogUniform:
    """A number between two positive ends, its logarithm uniform; three significant digits."""

    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> float:
        """One."""
        return float(f"{np.exp(rng.uniform(np.log(self.low), np.log(self.high))):.3g}")

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}, log-uniform"


@dataclass(frozen=True, slots=True)
class Uniform:
    """A number between two ends."""

    low: float
    high: float
    digits: int = 2
    """After the point."""

    def draw(self, rng: np.random.Generator) -> float:
        """One."""
        return round(float(rng.uniform(self.low, self.high)), self.digits)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two ends, both included: each as likely, or with its logarithm uniform."""

    low: int
    high: int
    log: bool = False

    def draw(self, rng: np.random.Generator) -> int:
        """One."""
        if not self.log:
            return int(rng.integers(self.low, self.high + 1))
        return round(float(np.exp(rng.uniform(np.log(self.low), np.log(self.high)))))

    def __str__(self) -> str:
        return f"{self.low} to {self.high}, whole{', log-uniform' if self.log else ''}"


Part = Choice | LogUniform | Uniform | Whole
Space = Mapping[str, Part]
"""Setting → what it may be. A point leads into a table: ``training.learning_rate``."""


def draws(
    space: Space,
    trials: int,
    *,
    name: str,
    seed: int,
    fixed: Mapping[str, Any],
    allowed: Callable[[Mapping[str, Any]], bool] = lambda _: True,
) -> list[dict[str, Any]]:
    """The settings of each trial: first `fixed` alone, the defaults, then random ones without repeats.

    What `fixed` sets is not drawn, nor what is not `allowed`. A space too small for so many trials gives fewer; more
    trials begin with the same ones.
    """
    free = {key: part for key, part in space.items() if not _is_set(fixed, key)}
    rng = numpy_rng(seed, "search", name)
    found: list[dict[str, Any]] = [_copied(fixed)]
    while free and len(found) < trials:
        for _ in range(REDRAWS):
            drawn = _copied(fixed)
            for key, part in free.items():
                put(drawn, key, part.draw(rng))
            if drawn not in found and allowed(drawn):
                found.append(drawn)
                break
        else:
            break
    return found


def _is_set(settings: Mapping[str, Any], key: str) -> bool:
    first, _, rest = key.partition(".")
    if first not in settings:
        return False
    return not rest or not isinstance(settings[first], Mapping) or _is_set(settings[first], rest)


def put(settings: dict[str, Any], key: str, value: Any) -> None:
    """Set ``training.learning_rate`` in tables within tables."""
    first, _, rest = key.partition(".")
    if rest:
        put(settings.setdefault(first, {}), rest, value)
    else:
        settings[first] = value


def _copied(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in settings.items()}
