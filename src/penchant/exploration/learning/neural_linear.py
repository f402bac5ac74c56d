"""Neural-linear: a network learns the representation; linear regressions on its last layer say how sure they are."""

from itertools import pairwise
from typing import Any

import numpy as np
from pydantic import Field

from penchant.errors import ConfigError
from penchant.exploration.learning.representation import RepresentationConfig, RepresentedThompson
from penchant.seeding import numpy_rng, torch_rng
from penchant.types import AnyArray, DoubleArray


class NeuralLinearConfig(RepresentationConfig):
    """Settings of `NeuralLinear`."""

    hidden: tuple[int, ...] = (50, 50)
    """Widths of the hidden layers; the last is H"""
    retrain_every: int = Field(default=50, ge=1)
    """Rounds between trainings"""
    steps: int = Field(default=100, ge=1)
    """Gradient steps of a training"""
    batch: int = Field(default=128, ge=1)
    learning_rate: float = Field(default=3e-3, gt=0)
    decay: float = Field(default=1e-4, ge=0)
    """Weight decay"""
    memory: int | None = Field(default=None, ge=1)
    """Observations that are kept to train on, the last ones; None: all"""
    seed: int = 0


class NeuralLinear(RepresentedThompson):
    """Neural-linear Thompson sampling (Riquelme, Tucker and Snoek 2018; Snoek et al. 2015):

        h₀ = x,  h_l = relu(W_l h_{l−1} + u_l),   φ(x) = h_L / ρ,   trained on  Σ ω (r − level − w_a·h_L − e_a)²

    by Adam every `retrain_every` rounds, from where the last training ended, on all that is remembered. ρ is the root
    mean square of h_L over it, so that the prior means the same after each training. The regressions are then worked
    out anew under the new φ, and take each observation between trainings as it comes. The head w, e serves the training
    only. Uncertainty is that of the last layer: what the network never learned to tell apart, it holds for known.
    Training is seeded by the number of trainings; the same observations give the same network on one machine.
    """

    config: NeuralLinearConfig

    def __init__(self, config: NeuralLinearConfig, arms: Any = ()) -> None:
        if not config.hidden or min(config.hidden) < 1:
            raise ConfigError(f"hidden is {config.hidden}; a network has hidden layers.", hint="Give widths, (50, 50).")
        super().__init__(config, arms)

    settings = NeuralLinearConfig

    @property
    def width(self) -> int:
        """H"""
        return self.config.hidden[-1]

    def new_shared(self) -> dict[str, AnyArray]:
        """A network at its seeded start, and an empty memory."""
        rng, widths = numpy_rng(self.config.seed, "neural-linear"), (self.config.features, *self.config.hidden)
        layers: dict[str, AnyArray] = {}
        for number, (wide, narrow) in enumerate(pairwise(widths)):
            layers[f"W{number}"] = (rng.standard_normal((wide, narrow)) * np.sqrt(2.0 / wide)).astype(np.float32)
            layers[f"u{number}"] = np.zeros(narrow, dtype=np.float32)
        return {
            **layers,
            "rho": np.ones(()),
            "contexts": np.empty((0, self.config.features)),
            "pulled": np.empty(0, dtype=np.int64),
            "rewards": np.empty(0),
            "weights": np.empty(0),
            "seen": np.zeros((), dtype=np.int64),
            "added": np.zeros((), dtype=np.int64),
        }

    def new_arm(self) -> dict[str, AnyArray]:
        """A regression without data, a head of zeros, and a number that no other arm ever has."""
        number = int(self.shared["added"])
        head = np.zeros(self.width + 1, dtype=np.float32)
        return {**super().new_arm(), "head": head, "number": np.array(number, dtype=np.int64)}

    def add(self, arm: str) -> None:
        """An arm with a head of its own."""
        super().add(arm)
        self.shared["added"] += 1

    def represent(self, rows_ND: DoubleArray) -> DoubleArray:
        """The last hidden layer, scaled."""
        found: AnyArray = rows_ND
        for number in range(len(self.config.hidden)):
            found = np.maximum(found @ self.shared[f"W{number}"] + self.shared[f"u{number}"], 0.0)
        return np.asarray(found / self.shared["rho"], dtype=np.float64)

    def learn(self, context_AD: DoubleArray, a: int, reward: float, propensity: float | None, weight: float) -> None:
        """Remember it, learn it, and train when it is time."""
        self._remember(context_AD[a], int(self.by_arm["number"][a]), reward - self.config.level, weight)
        super().learn(context_AD, a, reward, propensity, weight)
        self.shared["seen"] += 1
        if self.shared["seen"] % self.config.retrain_every == 0:
            self._train()
            self._regress()

    def _remember(self, row_D: DoubleArray, number: int, reward: float, weight: float) -> None:
        keep = slice(None) if self.config.memory is None else slice(1 - self.config.memory or None, None)
        for name, value in (("contexts", row_D), ("pulled", number), ("rewards", reward), ("weights", weight)):
            old = self.shared[name][keep]
            if self.config.memory == 1:
                old = old[:0]
            self.shared[name] = np.concatenate([old, np.asarray(value, dtype=old.dtype)[None]])

    def _train(self) -> None:
        """Adam on squared errors of the arms that were pulled and are still there."""
        import torch

        place = {int(number): a for a, number in enumerate(self.by_arm["number"])}
        arms = np.array([place.get(int(number), -1) for number in self.shared["pulled"]], dtype=np.int64)
        rows = np.flatnonzero(arms >= 0)
        if not len(rows):
            return
        x = torch.from_numpy(self.shared["contexts"][rows].astype(np.float32))
        a = torch.from_numpy(arms[rows])
        r = torch.from_numpy(self.shared["rewards"][rows].astype(np.float32))
        omega = torch.from_numpy(self.shared["weights"][rows].astype(np.float32))
        layers = [
            tuple(torch.from_numpy(self.shared[f"{kind}{n}"].copy()).requires_grad_() for kind in "Wu")
            for n in range(len(self.config.hidden))
        ]
        head = torch.from_numpy(self.by_arm["head"].copy()).requires_grad_()
        parameters = [*(tensor for layer in layers for tensor in layer), head]
        adam = torch.optim.AdamW(parameters, lr=self.config.learning_rate, weight_decay=self.config.decay)
        rng = torch_rng(self.config.seed, "neural-linear", str(int(self.shared["seen"])))
        for _ in range(self.config.steps):
            some = torch.randint(len(rows), (min(self.config.batch, len(rows)),), generator=rng)
            hidden = x[some]
            for slopes, offsets in layers:
                hidden = torch.relu(hidden @ slopes + offsets)
            chosen = head[a[some]]
            error = (hidden * chosen[:, :-1]).sum(dim=1) + chosen[:, -1] - r[some]
            adam.zero_grad()
            (omega[some] * error.square()).mean().backward()  # type: ignore[no-untyped-call]
            adam.step()
        for n, layer in enumerate(layers):
            for kind, tensor in zip("Wu", layer, strict=True):
                self.shared[f"{kind}{n}"] = tensor.detach().numpy()
        self.by_arm["head"] = head.detach().numpy()

    def _regress(self) -> None:
        """The scale and all regressions anew, under the network as it is."""
        self.shared["rho"] = np.ones(())
        hidden = self.represent(self.shared["contexts"])
        self.shared["rho"] = np.array(max(float(np.sqrt(np.mean(np.square(hidden)))), 1e-6))
        inputs = self.inputs(self.shared["contexts"])
        for a, number in enumerate(self.by_arm["number"]):
            of_a = self.shared["pulled"] == number
            weighed = inputs[of_a] * self.shared["weights"][of_a, None]
            precision = self.config.ridge * np.eye(self.width + 1) + weighed.T @ inputs[of_a]
            self.by_arm["Q"][a] = np.linalg.inv(precision)
            self.by_arm["b"][a] = weighed.T @ self.shared["rewards"][of_a]
