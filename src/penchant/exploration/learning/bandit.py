"""What all bandits are: arms, a choice with its probability, an update; and a folder to be kept in."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import orjson

from penchant.artifacts import read_arrays, write_arrays, write_json
from penchant.config import Config
from penchant.errors import BundleError, ConfigError, DataError, NotFoundError
from penchant.exploration.learning.chances import Chances
from penchant.types import AnyArray, BoolArray, DoubleArray

SETTINGS, ARRAYS = "bandit.json", "bandit.safetensors"
MOST = 1e150
"""A reward's largest size, whose square is still a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """An arm, and p(arm | context, what was learned, arms pulled before it on the slate)."""

    arm: str
    propensity: float


class Bandit(ABC):
    """Learns over A arms, known by id. A is small (up to hundreds): each choice looks at every arm.

    A context is (D,), the same for all arms, or (A, D), one row an arm in the order of `arms`; bandits without
    features (`config` has no `features`) take None. Rewards are numbers, higher is better; where a bandit needs them in
    [0, 1] it says so and refuses others. Choices are drawn from exact probabilities (`probabilities`), so whatever is
    logged can be used by estimators; nothing here keeps a random state, so the same generator gives the same choice.
    """

    settings: ClassVar[type[Config]]
    """The class of its settings."""
    unit_rewards: ClassVar[bool] = False
    """Rewards must lie in [0, 1]; one of weight w < 1 in [0, 1/w], see `slates.position_based`."""

    def __init__(self, config: Config, arms: Sequence[str] = ()) -> None:
        self.config = config
        self._ids: list[str] = []
        self.by_arm: dict[str, AnyArray] = {}
        self.shared: dict[str, AnyArray] = {name: np.array(value) for name, value in self.new_shared().items()}
        fresh = self.new_arm()
        self.by_arm = {name: np.empty((0, *row.shape), dtype=row.dtype) for name, row in fresh.items()}
        for arm in arms:
            self.add(arm)

    @abstractmethod
    def new_arm(self) -> dict[str, AnyArray]:
        """What is known of an arm never pulled: named arrays, which become rows of `by_arm`, (A, …)."""

    def new_shared(self) -> dict[str, AnyArray]:
        """What is known of no arm in particular before the first round: named arrays, see `shared`."""
        return {}

    @abstractmethod
    def chances(self, context_AD: DoubleArray, open_A: BoolArray, k: int) -> Chances:
        """p(a | context, what was learned) as a function of who is open, for a slate of k places that begins with these
        open: what does not depend on who is open is worked out here, once. At least one is open.
        """

    @abstractmethod
    def learn(self, context_AD: DoubleArray, a: int, reward: float, propensity: float | None, weight: float) -> None:
        """Learn from one reward of arm a; see `update`."""

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms, in the order in which they were added."""
        return tuple(self._ids)

    @property
    def features(self) -> int:
        """D; 0 for a bandit without contexts."""
        return int(getattr(self.config, "features", 0))

    def add(self, arm: str) -> None:
        """An arm that has not been pulled yet. `ConfigError` where it is there already."""
        if arm in self._ids:
            raise ConfigError(f"The arm {arm!r} is there already.", hint="Give each arm an id of its own.")
        for name, row in self.new_arm().items():
            self.by_arm[name] = np.concatenate([self.by_arm[name], row[None]])
        self._ids.append(arm)

    def remove(self, arm: str) -> None:
        """Forget an arm and what was learned of it alone. `NotFoundError` where there is none."""
        a = self._place(arm)
        for name, rows in self.by_arm.items():
            self.by_arm[name] = np.delete(rows, a, axis=0)
        del self._ids[a]

    def probabilities(self, context: DoubleArray | None = None, *, open_A: BoolArray | None = None) -> DoubleArray:
        """p(a | context, what was learned), (A,), over the open arms (None: all). Changes nothing.

        `ConfigError` where no arm is open, `DataError` for a context of another shape.
        """
        open_A = np.ones(len(self._ids), dtype=np.bool_) if open_A is None else open_A
        if open_A.shape != (len(self._ids),):
            raise DataError(f"{open_A.shape} says which of {len(self._ids)} arms are open.", hint="Give one per arm.")
        if not open_A.any():
            raise ConfigError("No arm is open.", hint="Add arms, or end the slate here.")
        return self.chances(self._context(context), open_A, 1)(open_A)

    def choose(
        self, context: DoubleArray | None = None, *, rng: np.random.Generator, open_A: BoolArray | None = None
    ) -> Pull:
        """Draw one arm from `probabilities`."""
        chances = self.probabilities(context, open_A=open_A)
        a = _drawn(chances, rng)
        return Pull(arm=self._ids[a], propensity=float(chances[a]))

    def choose_slate(self, context: DoubleArray | None = None, *, k: int, rng: np.random.Generator) -> tuple[Pull, ...]:
        """K arms without repeats, place by place from `probabilities` over the arms that are left; fewer where arms run
        out. Bandits that draw (Thompson) draw anew at each place: that is what makes the probabilities exact.
        `ConfigError` for k < 1.
        """
        if k < 1:
            raise ConfigError(f"A slate of {k} places was asked for; it has at least one.", hint="Ask for k ≥ 1.")
        open_A, pulls = np.ones(len(self._ids), dtype=np.bool_), []
        if not self._ids:
            return ()
        given = self.chances(self._context(context), open_A, k)
        for _ in range(min(k, len(self._ids))):
            chances = given(open_A)
            a = _drawn(chances, rng)
            open_A[a] = False
            pulls.append(Pull(arm=self._ids[a], propensity=float(chances[a])))
        return tuple(pulls)

    def update(
        self,
        context: DoubleArray | None,
        arm: str,
        reward: float,
        *,
        propensity: float | None = None,
        weight: float = 1.0,
    ) -> None:
        """Learn that an arm gave a reward, which counts as `weight` observations (0: nothing is learned).

        `propensity` is that of the pull; only EXP3 uses it, and takes its probability of now where it is None, which is
        wrong where other updates came between. `DataError` for a reward that is not finite or outside what the bandit
        takes, a propensity outside (0, 1], a negative weight; `NotFoundError` for an arm that is not there. Nothing has
        changed then.
        """
        a, context_AD = self._place(arm), self._context(context)
        if not 0 <= weight < np.inf:
            raise DataError(f"The weight {weight} is negative or not finite.", hint="Give 1 for one observation.")
        least, most = (0.0, 1.0 / min(max(weight, 1e-12), 1.0) + 1e-9) if self.unit_rewards else (-MOST, MOST)
        if not least <= reward <= most:
            span = " in [0, 1]" if self.unit_rewards else ""
            raise DataError(f"The reward {reward} is not a number{span}.", hint="Scale rewards before the update.")
        if propensity is not None and not 0 < propensity <= 1:
            raise DataError(f"The propensity {propensity} is not in (0, 1].", hint="Give that of the pull.")
        if weight > 0:
            self.learn(context_AD, a, float(reward), propensity, float(weight))

    def update_many(
        self,
        contexts: Sequence[DoubleArray | None] | DoubleArray,
        arms: Sequence[str],
        rewards: Sequence[float] | DoubleArray,
        *,
        propensities: Sequence[float | None] | None = None,
        weights: Sequence[float] | None = None,
    ) -> None:
        """Updates one after the other, in order. `DataError` where the lengths differ; what came before a faulty row
        stays learned.
        """
        n = len(arms)
        given = [None] * n if propensities is None else propensities
        worth = [1.0] * n if weights is None else weights
        if not len(contexts) == len(rewards) == len(given) == len(worth) == n:
            raise DataError(
                f"{len(contexts)} contexts, {n} arms, {len(rewards)} rewards.", hint="Give one of each per update."
            )
        for context, arm, reward, propensity, weight in zip(contexts, arms, rewards, given, worth, strict=True):
            self.update(context, arm, float(reward), propensity=propensity, weight=weight)

    def save(self, folder: Path) -> None:
        """Write settings and what was learned into an existing folder."""
        facts = {"bandit": type(self).__name__, "config": self.config.model_dump(mode="json"), "arms": self._ids}
        write_json(folder / SETTINGS, facts)
        arrays = {f"arm.{name}": rows for name, rows in self.by_arm.items()}
        arrays |= {f"shared.{name}": value for name, value in self.shared.items()}
        write_arrays(folder / ARRAYS, {**arrays, "format": np.ones(1)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote: it goes on bit for bit as the saved one would. `BundleError` where it is damaged or
        another bandit's.
        """
        try:
            facts = orjson.loads((folder / SETTINGS).read_bytes())
            name, settings, ids = str(facts["bandit"]), dict(facts["config"]), [str(arm) for arm in facts["arms"]]
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise BundleError(f"{folder} holds no bandit that can be read.", hint="Save it again.") from None
        if name != cls.__name__:
            raise BundleError(f"{folder} holds a {name}, not a {cls.__name__}.", hint=f"Load it as {name}.")
        bandit = cls(cls.settings.of(settings, where=str(folder / SETTINGS)))
        arrays = read_arrays(folder / ARRAYS)
        bandit._ids = ids
        bandit.by_arm = {name[4:]: rows for name, rows in arrays.items() if name.startswith("arm.")}
        bandit.shared = {name[7:]: value for name, value in arrays.items() if name.startswith("shared.")}
        whole = bandit.by_arm.keys() == bandit.new_arm().keys() and bandit.shared.keys() >= bandit.new_shared().keys()
        if not whole or any(len(rows) != len(ids) for rows in bandit.by_arm.values()):
            raise BundleError(f"{folder}: {ARRAYS} is not that of {len(ids)} arms.", hint="Save it again.")
        return bandit

    def _place(self, arm: str) -> int:
        try:
            return self._ids.index(arm)
        except ValueError:
            raise NotFoundError(f"No arm is called {arm!r}.", hint=f"There are: {', '.join(self._ids)}.") from None

    def _context(self, context: DoubleArray | None) -> DoubleArray:
        """(A, D), a view; (A, 0) for bandits without features, whatever comes."""
        n, d = len(self._ids), self.features
        if d == 0:
            return np.empty((n, 0))
        found = None if context is None else np.asarray(context, dtype=np.float64)
        if found is None or found.shape not in {(d,), (n, d)} or not np.isfinite(found).all():
            came = "None" if found is None else f"shape {found.shape}" if np.isfinite(found).all() else "not finite"
            raise DataError(
                f"The context is {came}; it has {d} finite features, for all arms or for each of {n}.",
                hint="Give an array (D,) or (A, D).",
            )
        return np.broadcast_to(found, (n, d))


def _drawn(chances_A: DoubleArray, rng: np.random.Generator) -> int:
    total = chances_A.cumsum()
    return int(total.searchsorted(rng.random() * total[-1], side="right"))
