"""Which settings to try next: at random, over a grid, or by what the trials so far say."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from pydantic import Field

from penchant.config import Config
from penchant.errors import ConfigError
from penchant.hyperparameter_search.space import REDRAWS, Problem
from penchant.hyperparameter_search.trials import Trial

LARGEST_GRID = 100_000


class Sampler(ABC):
    """Chooses settings. What it chooses depends on the problem, the trial's number and the trials before it alone, so
    that a search that goes on after a stop chooses what it would have chosen.
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def ask(
        self, problem: Problem, number: int, history: Sequence[Trial], pending: Sequence[Mapping[str, Any]] = ()
    ) -> dict[str, Any] | None:
        """The settings of trial `number`; None where there is nothing new to try. `history` are the trials that are
        done, `pending` the settings of those under way beside it.
        """

    def size(self, problem: Problem) -> int | None:  # noqa: ARG002
        """How many trials there are in all, where that is known."""
        return None


class RandomConfig(Config):
    """Nothing to set."""


class RandomSampler(Sampler):
    """Independent draws (Bergstra and Bengio 2012), the same list for one seed whatever the trials say."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._of: Problem | None = None
        self._drawn: list[dict[str, Any]] = []
        self._stream: Iterator[dict[str, Any]] = iter(())

    def ask(
        self,
        problem: Problem,
        number: int,
        history: Sequence[Trial],  # noqa: ARG002
        pending: Sequence[Mapping[str, Any]] = (),  # noqa: ARG002
    ) -> dict[str, Any] | None:
        """The draw of this number."""
        if self._of is not problem:
            self._of, self._drawn, self._stream = problem, [], problem.drawn()
        while len(self._drawn) <= number:
            drawn = next(self._stream, None)
            if drawn is None:
                return None
            self._drawn.append(drawn)
        return self._drawn[number]


class GridConfig(Config):
    """How fine the grid is."""

    points: int = Field(default=5, ge=2)
    """Of each range; choices are all points."""


class GridSampler(Sampler):
    """Every point of a grid once, the last setting of the space changing fastest. A range gives ``points`` values, both
    ends among them, evenly spaced (its logarithm, where that is drawn evenly).
    """

    config: GridConfig

    def ask(
        self,
        problem: Problem,
        number: int,
        history: Sequence[Trial],  # noqa: ARG002
        pending: Sequence[Mapping[str, Any]] = (),  # noqa: ARG002
    ) -> dict[str, Any] | None:
        """The point of this number."""
        found = self.grid(problem)
        return found[number] if number < len(found) else None

    def size(self, problem: Problem) -> int:
        """Points of the grid, and the trial with the defaults, where there is one."""
        return len(self.grid(problem))

    def grid(self, problem: Problem) -> list[dict[str, Any]]:
        """All points. `ConfigError` for more of them than anybody will wait for."""
        axes = {key: part.points(self.config.points) for key, part in problem.free.items()}
        size = 1
        for points in axes.values():
            size *= len(points)
        if size > LARGEST_GRID:
            raise ConfigError(
                f"The grid has {size:,} points, above {LARGEST_GRID:,}.",
                hint="Search fewer settings, write them as short choices, or search at random.",
            )
        found = {} if problem.first is None else {_key(problem.first): dict(problem.first)}
        for values in product(*axes.values()):
            settings = problem.settings(dict(zip(axes, values, strict=True)))
            if _key(settings) not in found and problem.allowed(settings):
                found[_key(settings)] = settings
        return list(found.values())


class LearningSampler(Sampler):
    """One that learns from the trials: what it suggests is asked again where it is no setting, or was tried before."""

    @abstractmethod
    def check(self) -> None:
        """`MissingExtraError` where its library is not installed."""

    @abstractmethod
    def suggest(
        self, problem: Problem, number: int, history: Sequence[Trial], pending: Sequence[Mapping[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        """Values of what is searched, one suggestion after another without end."""

    def ask(
        self, problem: Problem, number: int, history: Sequence[Trial], pending: Sequence[Mapping[str, Any]] = ()
    ) -> dict[str, Any] | None:
        """The first suggestion that is new and allowed; a random one where there is none."""
        if number == 0 and problem.first is not None:
            return dict(problem.first)
        tried = [trial.settings for trial in history] + list(pending)
        if problem.free:
            suggestions = self.suggest(problem, number, history, pending)
            for _ in range(REDRAWS):
                settings = problem.settings(next(suggestions))
                if settings not in tried and problem.allowed(settings):
                    return settings
        return next((settings for settings in problem.drawn() if settings not in tried), None)


def _key(settings: Mapping[str, Any]) -> str:
    return repr(settings)
