"""A stated space of settings, and random draws from it; the first trial of any search is the defaults.

Bergstra and Bengio (2012): random search finds settings as good as a grid's in far fewer trials, because few of the
settings matter.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from penchant.seeding import numpy_rng

REDRAWS = 50
"""Draws given up for one that is allowed and was not drawn before."""


@dataclass(frozen=True, slots=True)
class When:
    """A setting is searched only where another one, which is always searched, has one of these values."""

    key: str
    values: tuple[Any, ...]

    def __str__(self) -> str:
        return f", where {self.key} is {' or '.join(map(str, self.values))}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values, each as likely."""

    values: tuple[Any, ...]
    when: When | None = None

    def draw(self, rng: np.random.Generator) -> Any:
        """One of them."""
        return self.values[int(rng.integers(len(self.values)))]

    def holds(self, value: Any) -> bool:
        """Whether the value is one of them."""
        return value in self.values

    def points(self, most: int) -> tuple[Any, ...]:  # noqa: ARG002
        """All of them, for a grid."""
        return self.values

    def __str__(self) -> str:
        return ", ".join(map(str, self.values)) + told(self.when)


@dataclass(frozen=True, slots=True)
class LogUniform:
    """A number between two positive ends, its logarithm uniform; three significant digits."""

    low: float
    high: float
    when: When | None = None

    def draw(self, rng: np.random.Generator) -> float:
        """One."""
        return self.rounded(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))

    def rounded(self, value: float) -> float:
        """As it is tried."""
        return min(max(float(f"{value:.3g}"), self.low), self.high)

    def holds(self, value: Any) -> bool:
        """Whether the value lies between the ends."""
        return _is_number(value) and self.low <= value <= self.high

    def points(self, most: int) -> tuple[float, ...]:
        """Both ends and what lies evenly between them, for a grid."""
        return tuple(dict.fromkeys(self.rounded(value) for value in np.geomspace(self.low, self.high, most)))

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}, log-uniform{told(self.when)}"


@dataclass(frozen=True, slots=True)
class Uniform:
    """A number between two ends."""

    low: float
    high: float
    digits: int = 2
    """After the point."""
    when: When | None = None

    def draw(self, rng: np.random.Generator) -> float:
        """One."""
        return self.rounded(rng.uniform(self.low, self.high))

    def rounded(self, value: float) -> float:
        """As it is tried."""
        return min(max(round(float(value), self.digits), self.low), self.high)

    def holds(self, value: Any) -> bool:
        """Whether the value lies between the ends."""
        return _is_number(value) and self.low <= value <= self.high

    def points(self, most: int) -> tuple[float, ...]:
        """Both ends and what lies evenly between them, for a grid."""
        return tuple(dict.fromkeys(self.rounded(value) for value in np.linspace(self.low, self.high, most)))

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{told(self.when)}"


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two ends, both included: each as likely, or with its logarithm uniform."""

    low: int
    high: int
    log: bool = False
    when: When | None = None

    def draw(self, rng: np.random.Generator) -> int:
        """One."""
        if not self.log:
            return int(rng.integers(self.low, self.high + 1))
        return round(float(np.exp(rng.uniform(np.log(self.low), np.log(self.high)))))

    def holds(self, value: Any) -> bool:
        """Whether the value is whole and lies between the ends."""
        return _is_number(value) and value == int(value) and self.low <= value <= self.high

    def points(self, most: int) -> tuple[int, ...]:
        """Every whole number where they are no more than `most`, else both ends and some between them, for a grid."""
        if not self.log and self.high - self.low < most:
            return tuple(range(self.low, self.high + 1))
        spaced = np.geomspace if self.log else np.linspace
        return tuple(dict.fromkeys(round(float(value)) for value in spaced(self.low, self.high, most)))

    def __str__(self) -> str:
        return f"{self.low} to {self.high}, whole{', log-uniform' if self.log else ''}{told(self.when)}"


Part = Choice | LogUniform | Uniform | Whole
Space = Mapping[str, Part]
"""Setting → what it may be. A point leads into a table: ``training.learning_rate``."""


def told(when: When | None) -> str:
    """A condition in words, "" for none."""
    return "" if when is None else str(when)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is searched and in whose name; the same for every trial."""

    space: Space
    fixed: Mapping[str, Any]
    """Settings of every trial; what they set is not searched."""
    name: str
    seed: int
    first: Mapping[str, Any] | None = None
    """Settings of trial 0, where it is not drawn: those that are there by default."""
    defaults: Mapping[str, Any] | None = None
    """What the searched settings are in trial 0, by their name with points, where that is known."""
    allowed: Callable[[Mapping[str, Any]], bool] = lambda _: True

    @property
    def free(self) -> Space:
        """What is searched."""
        return {key: part for key, part in self.space.items() if not _is_set(self.fixed, key)}

    def settings(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A trial's settings: what is fixed, and of the values those whose conditions hold."""
        made = _copied(self.fixed)
        for key, part in self.free.items():
            if key in values and (part.when is None or values.get(part.when.key) in part.when.values):
                put(made, key, values[key])
        return made

    def values(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What a trial's settings say of what is searched, where it lies in the space."""
        found = {key: taken(settings, key) for key in self.free}
        if self.first is not None and settings == self.first:
            found = dict(self.defaults or {})
        return {key: value for key, value in found.items() if key in self.free and self.free[key].holds(value)}

    def drawn(self) -> Iterator[dict[str, Any]]:
        """Trials without end at random and without repeats; it ends where the space has no more."""
        rng = numpy_rng(self.seed, "search", self.name)
        found = [] if self.first is None else [_copied(self.first)]
        yield from found
        while self.free:
            for _ in range(REDRAWS):
                new = self.settings({key: part.draw(rng) for key, part in self.free.items()})
                if new not in found and self.allowed(new):
                    found.append(new)
                    yield new
                    break
            else:
                return


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
    problem = Problem(space=space, fixed=fixed, name=name, seed=seed, first=fixed, allowed=allowed)
    return list(islice(problem.drawn(), trials))


def taken(settings: Mapping[str, Any], key: str) -> Any:
    """What settings say of ``training.learning_rate``; None where they say nothing."""
    first, _, rest = key.partition(".")
    value = settings.get(first)
    if not rest:
        return value
    return taken(value, rest) if isinstance(value, Mapping) else None


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
