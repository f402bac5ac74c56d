"""Plays worlds with one policy of one library; runs under that library's own python.

    python players.py REQUEST.json ANSWER.json

The request names the library, after how many rounds rewards are told, and plays: a policy, its settings, and a world,
an ``.npz`` file of contexts (T, D) and rewards (T, A). Each round the policy sees the context, names an arm, and is
told that arm's reward when the batch is over. The answer has, for each play, the arm of each round.
"""

import json
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np


class Player(ABC):
    """One policy of one library, for one world."""

    @abstractmethod
    def choose(self, rows: np.ndarray) -> list[int]:
        """An arm for each context of a batch."""

    @abstractmethod
    def learn(self, rows: np.ndarray, arms: list[int], rewards: np.ndarray) -> None:
        """The rewards of those arms."""


class Penchant(Player):
    """Ours, by its registered name."""

    def __init__(self, policy: str, settings: dict[str, Any], features: int, arms: int, seed: int) -> None:
        from penchant.exploration.learning.catalogue import BANDITS

        own_level = policy in {"linucb", "linear_thompson", "bootstrap"}
        self.constant = [1.0] if own_level else []
        self.bandit = BANDITS.build(policy, {"features": features + own_level, **settings})
        self.ids = [str(a) for a in range(arms)]
        for arm in self.ids:
            self.bandit.add(arm)
        self.rng = np.random.default_rng(seed)

    def choose(self, rows: np.ndarray) -> list[int]:
        """See `Player`."""
        self.pulls = [self.bandit.choose(np.append(x, self.constant), rng=self.rng) for x in rows]
        return [int(pull.arm) for pull in self.pulls]

    def learn(self, rows: np.ndarray, arms: list[int], rewards: np.ndarray) -> None:  # noqa: ARG002 - it kept them
        """See `Player`."""
        for x, pull, reward in zip(rows, self.pulls, rewards, strict=True):
            self.bandit.update(np.append(x, self.constant), pull.arm, float(reward), propensity=pull.propensity)


class MABWiser(Player):
    """A learning policy, and a neighbourhood policy where one is named: ``KNearest+EpsilonGreedy``."""

    def __init__(self, policy: str, settings: dict[str, Any], features: int, arms: int, seed: int) -> None:  # noqa: ARG002
        from mabwiser.mab import MAB, LearningPolicy, NeighborhoodPolicy

        around, _, learning = policy.rpartition("+")
        inner = {k[2:]: v for k, v in settings.items() if k.startswith("l.")}
        outer = {k[2:]: v for k, v in settings.items() if k.startswith("n.")}
        self.constant = not around
        near = getattr(NeighborhoodPolicy, around)(**outer) if around else None
        self.mab = MAB(list(range(arms)), getattr(LearningPolicy, learning)(**inner), near, seed=seed)
        self.rng, self.arms, self.warm = np.random.default_rng(seed), arms, False
        # Its neighbours fail where there are fewer rounds than neighbours; until then arms are drawn at random.
        self.told: list[Any] = []
        self.least = outer.get("k", 1)

    def choose(self, rows: np.ndarray) -> list[int]:
        """See `Player`."""
        if not self.warm:
            return [int(a) for a in self.rng.integers(self.arms, size=len(rows))]
        found = self.mab.predict(self._with_level(rows))
        return [int(a) for a in (found if isinstance(found, list) else [found])]

    def learn(self, rows: np.ndarray, arms: list[int], rewards: np.ndarray) -> None:
        """See `Player`."""
        self.told.append((arms, rewards, self._with_level(rows)))
        if sum(len(arms) for arms, _, _ in self.told) < self.least:
            return
        told = [np.concatenate(parts) for parts in zip(*self.told, strict=True)]
        self.mab.partial_fit(*told) if self.warm else self.mab.fit(*told)
        self.warm, self.told = True, []

    def _with_level(self, rows: np.ndarray) -> np.ndarray:
        return np.concatenate([rows, np.ones((len(rows), 1))], axis=1) if self.constant else rows


class VowpalWabbit(Player):
    """``--cb_explore A`` with the exploration named, interactions of all features where `quadratic` is set."""

    def __init__(self, policy: str, settings: dict[str, Any], features: int, arms: int, seed: int) -> None:  # noqa: ARG002
        from vowpalwabbit import Workspace

        settings = dict(settings)
        quadratic = settings.pop("quadratic", False)
        kind = "cb_explore_adf" if policy in {"squarecb", "regcb", "regcbopt"} else "cb_explore"
        self.adf, self.arms = kind == "cb_explore_adf", arms
        words = [f"--{kind}", *([] if self.adf else [str(arms)]), f"--random_seed {seed}", "--quiet"]
        words += [f"--{policy}"] if self.adf else []
        words += [f"--{name} {value}" for name, value in settings.items()]
        words += ["-q xx"] if quadratic else []
        words += (["--interactions axx"] if quadratic else []) + ["-q ax"] if self.adf else []
        self.vw = Workspace(" ".join(words))
        self.rng = np.random.default_rng(seed)

    def choose(self, rows: np.ndarray) -> list[int]:
        """See `Player`."""
        chances = np.array([self.vw.predict(self._example(x)) for x in rows], dtype=float)
        self.chances = chances / chances.sum(axis=1, keepdims=True)
        return [int(self.rng.choice(self.arms, p=p)) for p in self.chances]

    def learn(self, rows: np.ndarray, arms: list[int], rewards: np.ndarray) -> None:
        """See `Player`."""
        for x, a, reward, chances in zip(rows, arms, rewards, self.chances, strict=True):
            self.vw.learn(self._example(x, a, 1.0 - float(reward), float(chances[a])))

    def _example(self, x: np.ndarray, a: int | None = None, cost: float = 0.0, chance: float = 1.0) -> Any:
        shown = "|x " + " ".join(f"{d}:{value:.6g}" for d, value in enumerate(x) if value)
        told = "" if a is None else f"{cost:.6g}:{chance:.6g} "
        if not self.adf:
            return (f"{a + 1}:{told}" if a is not None else "") + shown
        return ["shared " + shown] + [(f"0:{told}" if b == a else "") + f"|a {b}" for b in range(self.arms)]


PLAYERS = {"penchant": Penchant, "mabwiser": MABWiser, "vowpalwabbit": VowpalWabbit}


def play(player: Player, contexts: np.ndarray, rewards: np.ndarray, batch: int) -> list[int]:
    """The arm of each round; rewards are told when a batch of rounds is over."""
    pulled: list[int] = []
    for start in range(0, len(contexts), batch):
        rows = slice(start, start + batch)
        arms = player.choose(contexts[rows])
        player.learn(contexts[rows], arms, rewards[rows][np.arange(len(arms)), arms])
        pulled += [int(a) for a in arms]
    return pulled


def main() -> None:
    """Play what the request asks for."""
    request = json.loads(Path(sys.argv[1]).read_text())
    answers = []
    for asked in request["plays"]:
        world = np.load(asked["world"])
        contexts, rewards = world["contexts"], world["rewards"]
        shape = contexts.shape[1], rewards.shape[1], int(world["seed"])
        begun = time.process_time()
        player = PLAYERS[request["library"]](asked["policy"], asked["settings"], *shape)
        pulled = play(player, contexts, rewards, int(request["batch"]))
        answers.append({"pulled": pulled, "cpu_seconds": time.process_time() - begun})
    Path(sys.argv[2]).write_text(json.dumps({"plays": answers}))


if __name__ == "__main__":
    main()
